-- The fence: lets only the newest owner of a partition write, and only while Redis still has all it wrote before.
-- Several partitions may write with one call: all of them pass, or nothing is written.
--
--   KEYS[1..n]  fence:{agent}:{partition}, "generation writes offsets": of the newest owner, how many writes there were,
--               and up to where in the topics Redis has what follows from them ("12,7"); "?" while values are missing
--               and being written again
--   ARGV[1]     time to live of the values in seconds
--   ARGV[2]     how many fences there are; then for each of them
--   .. ARGV[3]  generation of the writer
--   .. ARGV[4]  writes of this partition that Redis has acknowledged
--   .. ARGV[5]  writes and offsets when this one is done; the same once more if the answer was lost and it is sent again
local call, fences = redis.call, tonumber(ARGV[2])
for i = 1, fences do
  local mine, known, generation, writes = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), -1, -1
  local fence = call('GET', KEYS[i])
  if fence then
    local g, w = string.match(fence, '^(%d+) (%d+)')
    generation, writes = tonumber(g), tonumber(w)
  end
  if mine < generation then
    return redis.error_reply('FENCED by generation ' .. generation)
  end
  if mine > generation or known > writes then
    return redis.error_reply('LOST writes: ' .. writes .. ' of ' .. known .. ' are left')
  end
end
for i = 1, fences do
  call('SET', KEYS[i], ARGV[3 * i] .. ' ' .. ARGV[3 * i + 2], 'EX', 86400)
end
