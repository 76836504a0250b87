-- Makes a worker the owner of a partition; returns how many writes Redis has of it, -1 if values are missing.
--
--   KEYS[1]   fence:{agent}:{partition}, see fence.lua
--   ARGV[1]   generation of the new owner
--   ARGV[2]   writes that Redis must have: those up to the state that the new owner begins with
--   ARGV[3]   offsets up to which Redis must have what follows from the topics: those of that state
--   ARGV[4]   a fence of a higher generation that may be overruled: the group was deleted and counts from 1 again
local generation, writes, reached = -1, 0, ''
local fence = redis.call('GET', KEYS[1])
if fence then
  local g, w, r = string.match(fence, '^(%d+) (%d+) (%S+)$')
  generation, writes, reached = tonumber(g), tonumber(w), r
end
if tonumber(ARGV[1]) < generation and fence ~= ARGV[4] then
  return redis.error_reply('FENCED by generation ' .. generation)
end
local whole = reached ~= '?' and writes >= tonumber(ARGV[2])
local found = string.gmatch(reached, '%d+')
for wanted in string.gmatch(ARGV[3], '%d+') do
  whole = whole and tonumber(found() or 0) >= tonumber(wanted)
end
local count = whole and string.format('%.0f', writes) or ARGV[2]
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. count .. ' ' .. (whole and ARGV[3] or '?'), 'EX', 86400)
return whole and writes or -1
