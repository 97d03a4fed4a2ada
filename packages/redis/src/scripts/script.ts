import { createHash } from "node:crypto";

/** A script as Redis runs it: by its hash, once it has seen the text. */
export interface Script {
  readonly sha: string;
  readonly text: string;
}

/** What the scripts share; each is given what it uses. */
const PARTS: Readonly<Record<string, string>> = {
  // The time of Redis: what the clocks of the machines say does not matter.
  now: `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end`,

  publish: `
local function publish(why)
  redis.call('$PUBLISH', string.sub(KEYS[1], 1, -2) .. 'c', why)
end`,

  // The oldest frame says what is first: what was trimmed, or evicted, is told by nothing else.
  describe: `
local function describe()
  local held = redis.call('HMGET', KEYS[1], 'kind', 'epoch', 'last', 'fence', 'lease', 'end', 'cancel')
  if not held[1] then return nil end
  local last = tonumber(held[3])
  local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  local first = oldest and tonumber(string.match(oldest[1], '^%d+')) or last + 1
  local lease = held[5] and held[5] - now()
  return { held[1], held[2], first, last, tonumber(held[4]), lease, held[6], held[7] }
end`,
};

/** @param publish the command that publishes: `SPUBLISH` with a cluster */
export function createScript(publish: string, parts: readonly string[], body: string): Script {
  const text = [...parts.map((part) => PARTS[part]), body].join("\n").replace("$PUBLISH", publish).trim();
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
