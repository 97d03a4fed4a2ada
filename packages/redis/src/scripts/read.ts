import { createScript, type Script } from "./script.ts";

/*
 * Meta and page in one step. It takes few entries at a time, so that a page of large frames does not fetch many times
 * what it may hold.
 *
 * KEYS meta, frames. ARGV the cursor's epoch and seq or "", the most frames, the most bytes.
 */
export const createRead = (publish: string): Script =>
  createScript(
    publish,
    ["now", "describe"],
    `
local meta = describe()
if not meta then return { 'missing' } end

local seq = tonumber(ARGV[2])
local next = meta[3]
if seq then
  if ARGV[1] ~= meta[2] then return { 'epoch', meta } end
  if seq > meta[4] then return { 'ahead', meta } end
  if seq + 1 < meta[3] then return { 'trimmed', meta } end
  next = seq + 1
end

local frames, left, bytes = {}, tonumber(ARGV[3]), tonumber(ARGV[4])
while left > 0 and next <= meta[4] do
  local entries = redis.call('XRANGE', KEYS[2], string.format('%.0f-0', next), '+', 'COUNT', math.min(left, 16))
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    local frame = entry[2][2]
    bytes = bytes - #frame
    if bytes < 0 and #frames > 0 then return { 'ok', meta, frames } end
    frames[#frames + 1] = frame
  end
  next, left = next + #entries, left - #entries
end
return { 'ok', meta, frames }
`,
  );
