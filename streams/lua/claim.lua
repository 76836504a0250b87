-- Makes a worker the owner of a partition; returns how many writes Redis has of it, 0 if some are missing.
--
--   KEYS[1]   fence:{agent}:{partition}, see fence.lua
--   ARGV[1]   generation of the new owner
--   ARGV[2]   writes that Redis must have: those up to the new owner's checkpoint
--   ARGV[3]   a fence of a higher generation that may be overruled: the group was deleted and counts from 1 again
local generation, writes = -1, 0
local fence = redis.call('GET', KEYS[1])
if fence then
  local g, w = string.match(fence, '^(%d+) (%d+)$')
  generation, writes = tonumber(g), tonumber(w)
end
if tonumber(ARGV[1]) < generation and fence ~= ARGV[3] then
  return redis.error_reply('FENCED by generation ' .. generation)
end
if writes < tonumber(ARGV[2]) then
  writes = 0
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. string.format('%.0f', writes), 'EX', 86400)
return writes
