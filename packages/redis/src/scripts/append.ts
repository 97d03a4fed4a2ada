import { createScript, type Script } from "./script.ts";

/*
 * KEYS: meta, frames; for a batch also the key of its producer's last batch.
 * ARGV: epoch, fence, from or "", lease in ms, TTL in ms, end or "", number of the batch or "", retry window in ms of an
 * interruption or "", its error or "", then the frames.
 */
export const createAppend = (publish: string): Script =>
  createScript(
    publish,
    ["now", "publish", "layout", "limitOf"],
    `
-- As limitBytes of core's store-kit: notes where another part of keepBytes begins, and returns the offsets and the oldest
-- entry to keep. Positions in a life never change: they are right whatever else has trimmed or evicted entries.
local function addOffsets(keepBytes, partSize, position, bytes, last, start)
  local offsets, kept, oldest = { redis.call('HGET', KEYS[1], 'offsets') or nil }, {}, nil
  for index = start, #ARGV do
    local part = math.floor(position / partSize)
    position = position + #ARGV[index]
    last = last + 1
    if math.floor(position / partSize) > part then
      offsets[#offsets + 1] = string.format('%.0f:%.0f', last + 1, position)
    end
  end
  for seq, offset in string.gmatch(table.concat(offsets, ' '), '(%d+):(%d+)') do
    if bytes - offset >= keepBytes then oldest = seq .. '-0' else kept[#kept + 1] = seq .. ':' .. offset end
  end
  return table.concat(kept, ' '), oldest
end

local meta = redis.call('HMGET', KEYS[1], 'kind', 'epoch', 'fence', 'last', 'keep', 'end', 'cancel',
  'error', 'layout', 'bytes')
if not meta[1] then return { 'missing' } end
local otherLayout = problemOf(meta[9])
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

local fields, oldest = {}, nil
local keepBytes, before = limitOf(meta[2], meta[10])
if keepBytes and skip < count then
  local bytes, partSize = before, math.ceil(keepBytes / 16)
  for index = FRAMES_OFFSET + 1 + skip, #ARGV do bytes = bytes + #ARGV[index] end
  fields = { 'bytes', string.format('%s %.0f %.0f', meta[2], keepBytes, bytes) }
  if math.floor(bytes / partSize) > math.floor(before / partSize) then
    fields[3] = 'offsets'
    fields[4], oldest = addOffsets(keepBytes, partSize, before, bytes, last, FRAMES_OFFSET + 1 + skip)
  end
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

local function set(field, value)
  fields[#fields + 1] = field
  fields[#fields + 1] = value
end
set('last', last)
if window ~= '' then
  set('window', window)
  set('lease', now())
elseif meta[1] == 'stream' then
  set('lease', now() + tonumber(ARGV[4]))
end
if problem ~= '' then
  set('error', problem)
elseif meta[8] then
  redis.call('HDEL', KEYS[1], 'error')
end
if ending ~= '' then set('end', ending) end
redis.call('HSET', KEYS[1], unpack(fields))
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('PEXPIRE', KEYS[2], ttl)
if batch then redis.call('SET', KEYS[3], string.format('%.0f ', batch) .. meta[2], 'PX', ttl) end
if skip < count or ending ~= '' or window ~= '' then publish('changed') end
local grace = meta[7] and redis.call('HGET', KEYS[1], 'grace')
return { 'ok', last, meta[7], grace and tonumber(grace) }
`,
  );
