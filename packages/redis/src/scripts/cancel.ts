import { createScript, type Script } from "./script.ts";

/*
 * Keeps the first reason. Publishes a hint each time, because the hint of an earlier call may have been lost.
 *
 * KEYS: meta. ARGV: reason, grace in ms.
 */
export const createCancel = (publish: string): Script =>
  createScript(
    publish,
    ["publish", "layout"],
    `
local meta = redis.call('HMGET', KEYS[1], 'kind', 'end', 'layout')
if meta[1] ~= 'stream' then return 0 end
local problem = problemOf(meta[3])
if problem then return problem end
if meta[2] then return 0 end
if redis.call('HSETNX', KEYS[1], 'cancel', ARGV[1]) == 1 then redis.call('HSET', KEYS[1], 'grace', ARGV[2]) end
publish('cancel')
return 1
`,
  );
