-- Behind fence.lua: writes strings and hashes.
--
--   KEYS[n+1..]   the keys, those of strings first
--   ARGV[3n+3]    how many strings there are
--   ARGV[3n+4..]  a value per string; per hash two msgpack lists, one behind the other, of names and values in turn: what
--                 changed since it was written last, nothing if that is not known, and all there is
local seconds, behind = ARGV[1], 2 * fences + 3  -- from a key to its value
local last = fences + tonumber(ARGV[3 * fences + 3])
for i = fences + 1, last do
  call('SET', KEYS[i], ARGV[i + behind], 'EX', seconds)
end
for i = last + 1, #KEYS do
  local key, value = KEYS[i], ARGV[i + behind]
  local next, changed = cmsgpack.unpack_one(value)
  -- Where all of it is new to Redis, there was no such hash: it has expired, or somebody has deleted it.
  if #changed == 0 or call('HSET', key, unpack(changed)) == #changed / 2 then
    local _, whole = cmsgpack.unpack_one(value, next)
    call('HSET', key, unpack(whole))
    if call('HLEN', key) > #whole / 2 then  -- some fields are left out now
      call('DEL', key)
      call('HSET', key, unpack(whole))
    end
    call('EXPIRE', key, seconds)
  end
end
return #KEYS - fences
