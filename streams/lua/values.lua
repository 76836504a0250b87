-- Behind fence.lua: writes strings and hashes.
--
--   KEYS[n+1..]   the keys, those of strings first
--   ARGV[3n+3]    how many strings there are
--   ARGV[3n+4..]  a value per string; per hash two msgpack lists, end to end, of names and values in turn: the fields that
--                 changed, none where all are to be written, and all fields
--
-- While values are missing (see fence.lua) all fields are written: a hash may be one of long ago.
local seconds, behind = ARGV[1], 2 * fences + 3  -- from a key to its value
local last = fences + tonumber(ARGV[3 * fences + 3])
local is_whole = true
for i = 1, fences do
  is_whole = is_whole and string.sub(ARGV[3 * i + 2], -1) ~= '?'
end
for i = fences + 1, last do
  call('SET', KEYS[i], ARGV[i + behind], 'EX', seconds)
end
for i = last + 1, #KEYS do
  local key, value = KEYS[i], ARGV[i + behind]
  local place, changed = cmsgpack.unpack_one(value)
  -- HSET counts fields that are new: if all are, there was no such hash, as it has expired or somebody has deleted it.
  if not is_whole or #changed == 0 or call('HSET', key, unpack(changed)) == #changed / 2 then
    local _, whole = cmsgpack.unpack_one(value, place)
    call('HSET', key, unpack(whole))
    if call('HLEN', key) > #whole / 2 then  -- some are left out now; mostly none are, and this is cheaper
      call('DEL', key)
      call('HSET', key, unpack(whole))
    end
    call('EXPIRE', key, seconds)
  end
end
return #KEYS - fences
