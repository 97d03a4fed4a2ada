import { createScript, type Script } from "./script.ts";

/* KEYS meta. ARGV fence, end. */
export const createLost = (publish: string): Script =>
  createScript(
    publish,
    ["now", "publish"],
    `
local held = redis.call('HMGET', KEYS[1], 'kind', 'fence', 'lease', 'end')
if held[1] ~= 'stream' or held[4] or held[2] ~= ARGV[1] then return 0 end
if tonumber(held[3]) > now() then return 0 end
redis.call('HSET', KEYS[1], 'end', ARGV[2])
publish('changed')
return 1
`,
  );
