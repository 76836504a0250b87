-- The fence: lets only the newest owner of a partition write, and only while Redis still has all it wrote before.
--
--   KEYS[1]   fence:{agent}:{partition}, "generation writes offsets": of the newest owner, how many writes there were,
--             and up to where in the topics Redis has what follows from them ("12,7"); "?" while values are missing
--             and being written again
--   ARGV[1]   generation of the writer
--   ARGV[2]   writes of this partition that Redis has acknowledged
--   ARGV[3]   writes and offsets when this one is done; the same once more if the answer was lost and it is sent again
--   ARGV[4]   time to live of the values in seconds
local generation, writes = -1, -1
local fence = redis.call('GET', KEYS[1])
if fence then
  local g, w = string.match(fence, '^(%d+) (%d+)')
  generation, writes = tonumber(g), tonumber(w)
end
if tonumber(ARGV[1]) < generation then
  return redis.error_reply('FENCED by generation ' .. generation)
end
if tonumber(ARGV[1]) > generation or tonumber(ARGV[2]) > writes then
  return redis.error_reply('LOST writes: ' .. writes .. ' of ' .. ARGV[2] .. ' are left')
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[3], 'EX', 86400)
