import type { Clock } from "@holdfast/core";
import { withTimeout } from "@holdfast/core/internal";
import type { Health } from "@holdfast/core/store-kit";
import type { CommandArgument, RedisConnector } from "../connectors/connector.ts";
import type { Script } from "../scripts/index.ts";
import { layoutError } from "./layout.ts";
import { brokenKey, isAboutKeys, unavailable } from "./unavailable.ts";

type CallKind = "read" | "write";

/**
 * Sends commands to Redis. Rejects only with `STORE_UNAVAILABLE`, at the latest after the timeout of the store; not
 * retryable if the keys are to blame.
 */
export interface CommandSender {
  unlink(keys: readonly [string, ...string[]]): Promise<unknown>;
  runScript(
    kind: CallKind,
    script: Script,
    keys: readonly [string, ...string[]],
    args: readonly CommandArgument[],
  ): Promise<unknown>;
}

export function createCommandSender(
  connector: Pick<RedisConnector, "send">,
  health: Health,
  timeout: number,
  clock: Clock,
): CommandSender {
  /** A reply that arrives after the timeout is ignored, also as a sign of health. */
  async function send(kind: CallKind, command: () => Promise<unknown>): Promise<unknown> {
    try {
      const reply = await withTimeout(clock, timeout, command);
      health.report(kind, true);
      return reply;
    } catch (cause) {
      const otherLayout = layoutError(cause);
      if (otherLayout !== undefined) throw otherLayout;
      if (isAboutKeys(cause)) throw brokenKey(cause);
      health.report(kind, false);
      throw unavailable(cause);
    }
  }

  return {
    unlink: (keys) => send("write", async () => connector.send("unlink", keys[0], [...keys])),
    runScript: (kind, script, keys, args) =>
      send(kind, async () => {
        const rest = [String(keys.length), ...keys, ...args];
        try {
          return await connector.send("evalsha", keys[0], [script.sha, ...rest]);
        } catch (error) {
          if (!isUnknownScript(error)) throw error;
          return await connector.send("eval", keys[0], [script.text, ...rest]);
        }
      }),
  };
}

/** Redis forgets its scripts when it restarts, fails over, or runs `SCRIPT FLUSH`. */
function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}
