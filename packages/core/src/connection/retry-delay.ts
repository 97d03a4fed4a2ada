// Tested by test/connection/connection.test.ts.
import type { DrainReason } from "../protocol/reasons.ts";

/** A random reconnection time in ms: 1,000 to 2,000, or 5,000 to 30,000 when a limit is reached. */
export function retryDelay(random: () => number, reason?: DrainReason): number {
  return Math.round(reason === "busy" ? 5_000 + 25_000 * random() : 1_000 + 1_000 * random());
}
