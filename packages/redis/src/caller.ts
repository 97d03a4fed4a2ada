import { type Clock, HoldfastError } from "@holdfast/core";
import type { Health } from "./health.ts";
import type { Argument, RedisPort } from "./port.ts";
import type { Script } from "./scripts/index.ts";

/** Asks Redis for something. Rejects with `STORE_UNAVAILABLE` only, and always in time. */
export interface Caller {
  unlink(keys: string[]): Promise<unknown>;
  run(script: Script, keys: string[], args: Argument[]): Promise<unknown>;
}

export function createCaller(port: RedisPort, health: Health, timeout: number, clock: Clock): Caller {
  const inTime = (ask: () => Promise<unknown>): Promise<unknown> =>
    new Promise((resolve, reject) => {
      let settled = false;
      const settle = (healthy: boolean): boolean => {
        // An answer that came too late is no sign of health.
        if (settled) return false;
        settled = true;
        stop();
        health.note(healthy);
        return true;
      };
      const fail = (cause: unknown): void => {
        if (settle(false)) reject(unavailable(cause));
      };
      const stop = clock.after(timeout, () => fail(new Error(`Redis did not answer within ${timeout} ms.`)));
      ask().then((answer) => {
        if (settle(true)) resolve(answer);
      }, fail);
    });

  return {
    unlink: (keys) => inTime(async () => port.call("unlink", keys[0] as string, keys)),
    run: (script, keys, args) =>
      inTime(async () => {
        const key = keys[0] as string;
        const rest = [String(keys.length), ...keys, ...args];
        try {
          return await port.call("evalsha", key, [script.sha, ...rest]);
        } catch (error) {
          if (!isUnknownScript(error)) throw error;
          return await port.call("eval", key, [script.text, ...rest]);
        }
      }),
  };
}

/** A Redis that was restarted, flushed or failed over to does not know the script: it is sent as a whole once more. */
function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

function unavailable(cause: unknown): HoldfastError {
  return new HoldfastError("STORE_UNAVAILABLE", "The store is not available.", { retryable: true, cause });
}
