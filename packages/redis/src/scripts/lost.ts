import { createScript, type Script } from "./script.ts";

/* KEYS: meta. ARGV: fence, end. */
export const createLost = (publish: string): Script =>
  createScript(
    publish,
    ["now", "publish", "layout"],
    `
local meta = redis.call('HMGET', KEYS[1], 'kind', 'fence', 'lease', 'end', 'window', 'layout')
if meta[1] ~= 'stream' then return 0 end
local problem = problemOf(meta[6])
if problem then return problem end
if meta[4] or meta[2] ~= ARGV[1] then return 0 end
if tonumber(meta[3]) + tonumber(meta[5] or 0) > now() then return 0 end
redis.call('HSET', KEYS[1], 'end', ARGV[2])
publish('changed')
return 1
`,
  );
