-- Behind fence.lua: writes strings and hashes.
--
--   KEYS[2..]   the keys, those of strings first
--   ARGV[5]     how many strings there are
--   ARGV[6..]   a value per string; then, if there are hashes, a msgpack list of the names of their fields, and per
--               hash a msgpack list of values: false leaves its field out, a list shorter than the names the last ones
local call, seconds, strings = redis.call, ARGV[4], tonumber(ARGV[5])
for i = 2, strings + 1 do
  call('SET', KEYS[i], ARGV[i + 4], 'EX', seconds)
end
local names = #KEYS > strings + 1 and cmsgpack.unpack(ARGV[strings + 6])
local pairs = {}  -- the same for all hashes, as a table that grows takes time
for i = strings + 2, #KEYS do
  local key, values, n = KEYS[i], cmsgpack.unpack(ARGV[i + 5]), 0
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
return #KEYS - 1
