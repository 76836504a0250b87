-- Behind fence.lua: writes hashes.
--
--   KEYS[2..]   the keys
--   ARGV[5]     msgpack list: names of the fields
--   ARGV[6..]   per hash a msgpack list of values; one that is shorter than the names leaves the last fields out
local names = cmsgpack.unpack(ARGV[5])
for i = 2, #KEYS do
  local values = cmsgpack.unpack(ARGV[i + 4])
  local pairs = {}
  for j = 1, #values do
    pairs[2 * j - 1] = names[j]
    pairs[2 * j] = values[j]
  end
  redis.call('HSET', KEYS[i], unpack(pairs))
  redis.call('EXPIRE', KEYS[i], ARGV[4])
end
return #KEYS - 1
