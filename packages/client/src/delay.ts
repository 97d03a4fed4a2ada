import type { BackoffOptions } from "@holdfast/core";
import { check } from "./check.ts";

/** The longest that a server can send a client away for, in ms; the jitter comes on top. */
const LONGEST_FLOOR = 120_000;

/**
 * How long to wait before the next attempt, in ms.
 *
 * @param failures attempts in a row that came to nothing
 * @param floor what the server asked for, in ms
 * @param random in [0, 1)
 */
export type Delay = (failures: number, floor: number | undefined, random: number) => number;

/**
 * Backoff with full jitter after failures; what the server asked for is the least, with up to a fifth on top: one that
 * sends all its clients away should not see them come back at once.
 *
 * @throws TypeError
 */
export function resilientDelay({ base = 1_000, cap = 30_000, factor = 2 }: BackoffOptions = {}): Delay {
  const isSound = base >= 0 && cap >= base && factor >= 1;
  check(isSound, "backoff", "0 <= base <= cap, 1 <= factor", [base, cap, factor]);
  return (failures, floor, random) => {
    const asked = Math.min(floor ?? 0, LONGEST_FLOOR) * (1 + random / 5);
    if (failures === 0 && floor !== undefined) return asked;
    // base 0 times an overflown power would be NaN.
    const longest = base && Math.min(cap, base * factor ** Math.max(failures - 1, 0));
    return Math.max(longest * random, asked);
  };
}

/** As the standard has it: the reconnection time, which the server sets by `retry:` (WHATWG HTML, 9.2.2). */
export const standardDelay: Delay = (_failures, floor = 3_000) => floor;
