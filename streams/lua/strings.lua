-- Behind fence.lua: writes strings.
--
--   KEYS[2..]   the keys
--   ARGV[5..]   a value per key
for i = 2, #KEYS do
  redis.call('SET', KEYS[i], ARGV[i + 3], 'EX', ARGV[4])
end
return #KEYS - 1
