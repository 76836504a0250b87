-- Behind fence.lua: writes strings and hashes.
--
--   KEYS[n+1..]   the keys, those of strings first
--   ARGV[3n+3]    how many strings there are
--   ARGV[3n+4..]  a value per string; then, if there are hashes, a msgpack list of the names of their fields, and per
--                 hash a msgpack list of values: false leaves its field out, a list shorter than the names the last ones
local seconds, behind = ARGV[1], 2 * fences + 3  -- from a key to its value
local last = fences + tonumber(ARGV[3 * fences + 3])
for i = fences + 1, last do
  call('SET', KEYS[i], ARGV[i + behind], 'EX', seconds)
end
local names = #KEYS > last and cmsgpack.unpack(ARGV[last + 1 + behind])
local pairs = {}  -- the same for all hashes, as a table that grows takes time
for i = last + 1, #KEYS do
  local key, values, n = KEYS[i], cmsgpack.unpack(ARGV[i + behind + 1]), 0
  for j = 1, #values do
    local value = values[j]
    if value then
      pairs[n + 1], pairs[n + 2] = names[j], value
      n = n + 2
    end
  end
  call('HSET', key, unpack(pairs, 1, n))
  if call('HLEN', key) > n / 2 then  -- some are left out now; mostly none are, and this is cheaper
    call('DEL', key)
    call('HSET', key, unpack(pairs, 1, n))
  end
  call('EXPIRE', key, seconds)
end
return #KEYS - fences
