import { createHash } from "node:crypto";

/** A Lua script. Redis runs it by its hash once it has received the text. */
export interface Script {
  readonly sha: string;
  readonly text: string;
}

/**
 * The version of the layout: the keys, what is in them, and the hints. It changes when processes of the version before would
 * misread what this one writes. See docs/versions.md.
 */
export const LAYOUT = 1;

/** How an error reply begins that says that data has another layout; the number of that layout follows. */
export const OTHER_LAYOUT = "HFLAYOUT";

/** Functions that scripts share. A script contains only those that it names. */
const SHARED_FUNCTIONS = {
  // The time of Redis, so that the clocks of the machines need not agree.
  now: `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end`,

  publish: `
local function publish(why)
  redis.call('$PUBLISH', string.sub(KEYS[1], 1, -2) .. 'c', why)
end`,

  layout: `
local function problemOf(layout)
  if layout ~= '${LAYOUT}' then return redis.error_reply('${OTHER_LAYOUT} ' .. (layout or '0')) end
end`,

  // `bytes` has the epoch, `keepBytes`, and the bytes of the life so far. An earlier version may begin another life without it: then it names another epoch.
  limitOf: `
local function limitOf(epoch, bytes)
  local counted, keepBytes, count = string.match(bytes or '', '^(%S+) (%d+) (%d+)$')
  if counted == epoch then return tonumber(keepBytes), tonumber(count) end
end`,

  // The second result is an error to reply with. `first` comes from the oldest entry, because nothing else tells what was trimmed or evicted.
  describe: `
local function describe()
  local meta = redis.call('HMGET', KEYS[1], 'kind', 'epoch', 'last', 'fence', 'lease', 'end', 'cancel',
    'joints', 'window', 'error', 'layout')
  if not meta[1] then return nil end
  local problem = problemOf(meta[11])
  if problem then return nil, problem end
  local last = tonumber(meta[3])
  local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  local first = oldest and tonumber(string.match(oldest[1], '^%d+')) or last + 1
  local leaseLeft = meta[5] and meta[5] - now()
  return { meta[1], meta[2], first, last, tonumber(meta[4]), leaseLeft, meta[6], meta[7],
    meta[8], meta[9] and tonumber(meta[9]), meta[10] }
end`,
};

/** @param publish the command that publishes hints: `PUBLISH`, or `SPUBLISH` with a cluster */
export function createScript(
  publish: string,
  functions: readonly (keyof typeof SHARED_FUNCTIONS)[],
  body: string,
): Script {
  const text = [...functions.map((name) => SHARED_FUNCTIONS[name]), body]
    .join("\n")
    .replace("$PUBLISH", publish)
    .trim();
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
