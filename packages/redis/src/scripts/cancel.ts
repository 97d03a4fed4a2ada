import { createScript, type Script } from "./script.ts";

/* The first reason stays. A wake may have been lost: who asks again wakes the producer again. KEYS meta. ARGV reason. */
export const createCancel = (publish: string): Script =>
  createScript(
    publish,
    ["publish"],
    `
local held = redis.call('HMGET', KEYS[1], 'kind', 'end')
if held[1] ~= 'stream' or held[2] then return 0 end
redis.call('HSETNX', KEYS[1], 'cancel', ARGV[1])
publish('cancel')
return 1
`,
  );
