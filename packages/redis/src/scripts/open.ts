import { createScript, type Script } from "./script.ts";

/*
 * A command that was queued during an outage may run after its caller has given up, or twice. Each open therefore
 * writes its own mark (`by`). When the same open runs again, it finds the mark and changes nothing.
 *
 * KEYS: meta, frames.
 * ARGV: kind, epoch, lease in ms, TTL in ms, keep, takeover ("1" or ""), restoreFence or "", restoreLast.
 */
export const createOpen = (publish: string): Script =>
  createScript(
    publish,
    ["now", "publish", "describe"],
    `
local kind, epoch, ttl, keep = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
local takeover, restoreFence, restoreLast = ARGV[6] == '1', tonumber(ARGV[7]), tonumber(ARGV[8])
local by = ARGV[6] .. epoch
local meta = describe()

local function grant(fence, last)
  redis.call('HSET', KEYS[1], 'by', by, 'last', last, 'fence', fence, 'keep', keep)
  if kind == 'stream' then redis.call('HSET', KEYS[1], 'lease', now() + tonumber(ARGV[3])) end
  redis.call('PEXPIRE', KEYS[1], ttl)
  redis.call('PEXPIRE', KEYS[2], ttl)
  return { 'producer', meta and meta[2] or epoch, fence, last }
end

local function create(fence, last)
  -- This command needs memory, so it comes first: a full Redis refuses it before anything has changed.
  redis.call('HSET', KEYS[1], 'kind', kind, 'epoch', epoch)
  redis.call('HDEL', KEYS[1], 'lease', 'end')
  if not restoreFence then redis.call('HDEL', KEYS[1], 'cancel') end
  redis.call('DEL', KEYS[2])
  publish('changed')
  return grant(fence, last)
end

if restoreFence then
  if not meta then return create(restoreFence, restoreLast) end
  if meta[1] ~= kind or meta[2] ~= epoch or meta[7] or meta[5] > restoreFence then return { 'reader', meta } end
  if meta[5] < restoreFence or meta[4] < restoreLast then return create(restoreFence, restoreLast) end
  return grant(restoreFence, meta[4])
end

local fence = kind == 'stream' and 1 or 0
if not meta then return create(fence, 0) end

if meta[7] and meta[2] ~= epoch and redis.call('HGET', KEYS[1], 'by') ~= by then
  fence = fence * (meta[5] + 1)
  meta = nil
  return create(fence, 0)
end

if meta[1] ~= kind or meta[7] then return { 'reader', meta } end
if kind == 'channel' or redis.call('HGET', KEYS[1], 'by') == by then return grant(meta[5], meta[4]) end
if takeover then
  publish('changed')
  return grant(meta[5] + 1, meta[4])
end
return { 'reader', meta }
`,
  );
