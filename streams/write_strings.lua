-- Writes a batch of strings, unless a newer owner of the partition has taken over.
--
--   KEYS[1]      fence:{agent}:{partition}   string, the generation of the newest owner; written here, read here
--   KEYS[2..]    the keys to write
--   ARGV[1]      generation of the writer
--   ARGV[2]      time to live in seconds
--   ARGV[3..]    a value per key
local newest = tonumber(redis.call('GET', KEYS[1]) or '-1')
local generation = tonumber(ARGV[1])
if generation < newest then
  return redis.error_reply('FENCED by generation ' .. newest)
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
for i = 2, #KEYS do
  redis.call('SET', KEYS[i], ARGV[i + 1], 'EX', ARGV[2])
end
return #KEYS - 1
