-- Behind fence.lua: writes strings and hashes.
--
--   KEYS[2..]   the keys, those of strings first
--   ARGV[5]     how many strings there are
--   ARGV[6..]   a value per string; then, if there are hashes, a msgpack list of the names of their fields, and per
--               hash a msgpack list of values: false leaves its field out, a list shorter than the names the last ones
local strings = tonumber(ARGV[5])
for i = 2, strings + 1 do
  redis.call('SET', KEYS[i], ARGV[i + 4], 'EX', ARGV[4])
end
local names = #KEYS > strings + 1 and cmsgpack.unpack(ARGV[strings + 6])
for i = strings + 2, #KEYS do
  local values = cmsgpack.unpack(ARGV[i + 5])
  local pairs, n = {}, 0
  for j = 1, #values do
    if values[j] then
      pairs[n + 1], pairs[n + 2] = names[j], values[j]
      n = n + 2
    end
  end
  redis.call('HSET', KEYS[i], unpack(pairs))
  if redis.call('HLEN', KEYS[i]) > n / 2 then  -- some are left out now; mostly none are, and this is cheaper
    redis.call('DEL', KEYS[i])
    redis.call('HSET', KEYS[i], unpack(pairs))
  end
  redis.call('EXPIRE', KEYS[i], ARGV[4])
end
return #KEYS - 1
