import { createScript, type Script } from "./script.ts";

/*
 * Reads the meta and a page of frames in one atomic step. It fetches at most 16 entries at a time, so that large frames
 * are not fetched far beyond the limit of the page.
 *
 * KEYS: meta, frames. ARGV: epoch and seq of the cursor or "" and "", limit of frames, limit of bytes.
 */
export const createRead = (publish: string): Script =>
  createScript(
    publish,
    ["now", "layout", "describe"],
    `
local meta, problem = describe()
if problem then return problem end
if not meta then return { 'missing' } end

local seq = tonumber(ARGV[2])
local next = meta[3]
if seq then
  local last
  for epoch, joint in string.gmatch(meta[9] or '', '(%S+):(%d+)') do
    if epoch == ARGV[1] then last = last or tonumber(joint) end
  end
  if ARGV[1] == meta[2] then last = meta[4] end
  if not last then return { 'epoch', meta } end
  if seq > last then return { 'ahead', meta } end
  if seq + 1 < meta[3] then return { 'trimmed', meta } end
  next = seq + 1
end

local frames, framesLeft, bytesLeft = {}, tonumber(ARGV[3]), tonumber(ARGV[4])
while framesLeft > 0 and next <= meta[4] do
  local id = string.format('%.0f-0', next)
  local entries = redis.call('XRANGE', KEYS[2], id, '+', 'COUNT', math.min(framesLeft, 16))
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    local frame = entry[2][2]
    bytesLeft = bytesLeft - #frame
    if bytesLeft < 0 and #frames > 0 then return { 'ok', meta, frames } end
    frames[#frames + 1] = frame
  end
  next, framesLeft = next + #entries, framesLeft - #entries
end
return { 'ok', meta, frames }
`,
  );
