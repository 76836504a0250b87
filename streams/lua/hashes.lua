-- Behind fence.lua: writes hashes.
--
--   KEYS[2..]   the keys
--   ARGV[5..]   per hash: how many fields and values follow, then these in turn
local at = 5
for i = 2, #KEYS do
  local count = tonumber(ARGV[at])
  redis.call('HSET', KEYS[i], unpack(ARGV, at + 1, at + count))
  redis.call('EXPIRE', KEYS[i], ARGV[4])
  at = at + count + 1
end
return #KEYS - 1
