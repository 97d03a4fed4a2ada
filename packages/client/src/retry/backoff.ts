import type { BackoffOptions } from "@holdfast/core";
import { validate } from "../base/validate.ts";

/** The longest delay that a server can ask for, in ms, before jitter. */
const MAX_REQUESTED_DELAY = 120_000;
/** The shortest delay after a connection that was short, in ms, whatever the server asked for. */
const MIN_DELAY = 500;

/**
 * The delay before the next attempt, in ms.
 *
 * @param failures the number of failed attempts in a row
 * @param requested the delay that the server asked for, in ms
 * @param random a number in [0, 1)
 * @param wasShort whether the server has ended the last connection soon after its beginning
 */
export type Backoff = (
  failures: number,
  requested: number | undefined,
  random: number,
  wasShort?: boolean,
) => number;

/**
 * Exponential back-off, of which jitter takes up to a half away, but no less than the server asked for. Up to a fifth is
 * added to that: a server that drains all its clients must not see them return at the same moment.
 *
 * With more jitter, a client could by chance ask a server that fails more than twice as often as an `EventSource`.
 *
 * @throws TypeError
 */
export function exponentialBackoff({ base = 1_000, cap = 30_000, factor = 2 }: BackoffOptions = {}): Backoff {
  const isValid = base >= 0 && cap >= base && factor >= 1;
  validate(isValid, "backoff", "0 <= base <= cap, 1 <= factor", [base, cap, factor]);
  return (failures, requested, random, wasShort = false) => {
    const minimum = Math.max(
      Math.min(requested ?? 0, MAX_REQUESTED_DELAY) * (1 + random / 5),
      wasShort ? MIN_DELAY : 0,
    );
    if (failures === 0 && requested !== undefined) return minimum;
    // With a base of 0, the product with a power that overflows would be NaN.
    const maximum = base && Math.min(cap, base * factor ** Math.max(failures - 1, 0));
    return Math.max(maximum * (0.5 + (random % 0.5)), minimum);
  };
}

/** The standard's reconnection time, which the server sets with `retry:` (WHATWG HTML, 9.2.2). */
export const standardBackoff: Backoff = (_failures, requested = 3_000, _random, wasShort) =>
  Math.max(requested, wasShort ? MIN_DELAY : 0);
