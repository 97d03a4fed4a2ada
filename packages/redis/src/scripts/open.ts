import { createScript, LAYOUT, type Script } from "./script.ts";

/*
 * A command that was queued during an outage may run after its caller has given up, or twice. Each open therefore has
 * its own epoch. When the same open runs again, it finds its epoch and changes nothing.
 *
 * KEYS: meta, frames.
 * ARGV: kind, epoch, lease in ms, TTL in ms, keep, ifExists, lapsedFence or "", retry window in ms,
 * restoreFence or "", restoreLast, restoreJoints, how many joints are kept, keepBytes or "".
 */
export const createOpen = (publish: string): Script =>
  createScript(
    publish,
    ["now", "publish", "layout", "describe", "limitOf"],
    `
local kind, epoch, ttl, keep = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
local ifExists, lapsedFence, window = ARGV[6], tonumber(ARGV[7]), ARGV[8]
local restoreFence, restoreLast, restoreJoints = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11]
local meta, problem = describe()
if problem then return problem end

local function grant(fence, last)
  redis.call('HSET', KEYS[1], 'last', last, 'fence', fence, 'keep', keep)
  local current = redis.call('HGET', KEYS[1], 'epoch')
  local keepBytes, bytes = limitOf(meta and meta[2], redis.call('HGET', KEYS[1], 'bytes'))
  keepBytes = tonumber(ARGV[13]) or keepBytes
  if keepBytes then
    redis.call('HSET', KEYS[1], 'bytes', string.format('%s %.0f %.0f', current, keepBytes, bytes or 0))
  end
  if not bytes then redis.call('HDEL', KEYS[1], 'offsets') end
  redis.call('HDEL', KEYS[1], 'error')
  if kind == 'stream' then
    redis.call('HSET', KEYS[1], 'lease', now() + tonumber(ARGV[3]), 'window', window)
  end
  redis.call('PEXPIRE', KEYS[1], ttl)
  redis.call('PEXPIRE', KEYS[2], ttl)
  local joints = redis.call('HGET', KEYS[1], 'joints')
  return { 'producer', current, fence, last, joints }
end

local function create(fence, last, joints)
  -- This command needs memory, so it comes first: a full Redis refuses it before anything has changed.
  redis.call('HSET', KEYS[1], 'kind', kind, 'epoch', epoch, 'joints', joints, 'layout', '${LAYOUT}')
  redis.call('HDEL', KEYS[1], 'lease', 'window', 'end', 'bytes', 'offsets')
  if not restoreFence then redis.call('HDEL', KEYS[1], 'cancel', 'grace') end
  redis.call('DEL', KEYS[2])
  publish('changed')
  return grant(fence, last)
end

if restoreFence then
  if not meta then return create(restoreFence, restoreLast, restoreJoints) end
  if meta[1] ~= kind or meta[2] ~= epoch or meta[7] or meta[5] > restoreFence then return { 'reader', meta } end
  if meta[5] < restoreFence or meta[4] < restoreLast then
    return create(restoreFence, restoreLast, restoreJoints)
  end
  return grant(restoreFence, meta[4])
end

if not meta then return create(kind == 'stream' and 1 or 0, 0, '') end
local nextFence = kind == 'stream' and meta[5] + 1 or 0

if meta[7] then
  local status = cjson.decode(meta[7]).status
  local isFinished = status == 'done' or status == 'cancelled'
  local mayKeepEnd = ifExists == 'append' or lapsedFence
  if meta[2] == epoch or (mayKeepEnd and isFinished) then return { 'reader', meta } end
  return create(nextFence, 0, '')
end

if meta[1] ~= kind then return { 'reader', meta } end
if kind == 'channel' or meta[2] == epoch then return grant(meta[5], meta[4]) end
if ifExists == 'throw' then return { 'reader', meta } end
if lapsedFence and (lapsedFence ~= meta[5] or meta[6] > 0) then return { 'reader', meta } end
if ifExists == 'replace' then return create(nextFence, 0, '') end

local joints = {}
for joint in string.gmatch(meta[9] or '', '%S+') do joints[#joints + 1] = joint end
joints[#joints + 1] = string.format('%s:%.0f', meta[2], meta[4])
if #joints > tonumber(ARGV[12]) then table.remove(joints, 1) end
redis.call('HSET', KEYS[1], 'epoch', epoch, 'joints', table.concat(joints, ' '))
publish('changed')
return grant(nextFence, meta[4])
`,
  );
