import { createScript, type Script } from "./script.ts";

/*
 * KEYS: meta, frames; for a batch also the key of its producer's last batch.
 * ARGV: epoch, fence, from or "", lease in ms, TTL in ms, end or "", number of the batch or "", retry window in ms of an
 * interruption or "", its error or "", then the frames.
 */
export const createAppend = (publish: string): Script =>
  createScript(
    publish,
    ["now", "publish", "layout", "bytesOf", "countBytes"],
    `
local meta = redis.call('HMGET', KEYS[1], 'kind', 'epoch', 'fence', 'last', 'keep', 'end', 'cancel',
  'grace', 'error', 'layout', 'keepBytes', 'bytes')
if not meta[1] then return { 'missing' } end
local otherLayout = problemOf(meta[10])
if otherLayout then return otherLayout end
if meta[2] ~= ARGV[1] or meta[3] ~= ARGV[2] then return { 'fenced', tonumber(meta[3]) } end

local FRAMES_OFFSET = 9
local from, ttl, ending, batch = tonumber(ARGV[3]), ARGV[5], ARGV[6], tonumber(ARGV[7])
local last, count = tonumber(meta[4]), #ARGV - FRAMES_OFFSET
local window, problem = ARGV[8], ARGV[9]

if meta[6] then
  if ending == meta[6] and (not from or from + count - 1 <= last) then return { 'ok', last } end
  return { 'closed', meta[6] }
end

local skip = 0
if from then
  if from > last + 1 then return { 'gap', last + 1 } end
  skip = last + 1 - from
elseif batch then
  local number, epoch = string.match(redis.call('GET', KEYS[3]) or '', '^(%d+) (.*)$')
  if epoch == meta[2] and tonumber(number) >= batch then
    skip, batch = count, nil
  end
end

local changed, oldest = {}, nil
local function change(field, value)
  table.insert(changed, field)
  table.insert(changed, value)
end
if meta[11] and skip < count then
  local bytes, offsets
  bytes, offsets, oldest = countBytes(meta[2], tonumber(meta[11]), meta[12], last, FRAMES_OFFSET + 1 + skip)
  change('bytes', bytes)
  if offsets then change('offsets', offsets) end
end

for index = FRAMES_OFFSET + 1 + skip, #ARGV do
  last = last + 1
  local id = string.format('%.0f-0', last)
  if oldest and index == #ARGV then
    local limit = math.max(10000, math.ceil(meta[5] / 16))
    redis.call('XADD', KEYS[2], 'MINID', '~', oldest, 'LIMIT', limit, id, 'f', ARGV[index])
  else
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', meta[5], id, 'f', ARGV[index])
  end
end

change('last', last)
if window ~= '' then
  change('window', window)
  change('lease', now())
elseif meta[1] == 'stream' then
  change('lease', now() + tonumber(ARGV[4]))
end
if problem ~= '' then
  change('error', problem)
elseif meta[9] then
  redis.call('HDEL', KEYS[1], 'error')
end
if ending ~= '' then change('end', ending) end
redis.call('HSET', KEYS[1], unpack(changed))
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('PEXPIRE', KEYS[2], ttl)
if batch then redis.call('SET', KEYS[3], string.format('%.0f ', batch) .. meta[2], 'PX', ttl) end
if skip < count or ending ~= '' or window ~= '' then publish('changed') end
return { 'ok', last, meta[7], meta[8] and tonumber(meta[8]) }
`,
  );
