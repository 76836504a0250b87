-- Writes a batch of hashes, unless a newer owner of the partition has taken over.
--
--   KEYS[1]      fence:{agent}:{partition}   string, the generation of the newest owner; written here, read here
--   KEYS[2..]    the hashes to write
--   ARGV[1]      generation of the writer
--   ARGV[2]      time to live in seconds
--   ARGV[3..]    per hash: how many fields and values follow, then these in turn
local newest = tonumber(redis.call('GET', KEYS[1]) or '-1')
local generation = tonumber(ARGV[1])
if generation < newest then
  return redis.error_reply('FENCED by generation ' .. newest)
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
local at = 3
for i = 2, #KEYS do
  local count = tonumber(ARGV[at])
  redis.call('HSET', KEYS[i], unpack(ARGV, at + 1, at + count))
  redis.call('EXPIRE', KEYS[i], ARGV[2])
  at = at + count + 1
end
return #KEYS - 1
