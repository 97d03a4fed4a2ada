import { check } from "./validate.ts";

export interface BackoffOptions {
  /** The longest first delay, in ms; 0 for none. @default 1_000 */
  readonly base?: number;
  /** No delay is longer, in ms. @default 30_000 */
  readonly cap?: number;
  /** What each further attempt multiplies the delay by. @default 2 */
  readonly factor?: number;
}

/**
 * Exponential backoff with full jitter: the delay before attempt `attempt` (from 0) is uniform in
 * `[0, min(cap, base * factor ** attempt)]`, in ms. Pure: `random` is a number in [0, 1) given by the caller.
 *
 * @throws `INVALID_OPTION`
 *
 * @example
 * const delay = backoff({ base: 1_000, cap: 30_000 });
 * clock.after(delay(failures, Math.random()), retry);
 */
export function backoff(options: BackoffOptions = {}): (attempt: number, random: number) => number {
  const { base = 1_000, cap = 30_000, factor = 2 } = options;
  check(Number.isFinite(base) && base >= 0, "base", "a number of milliseconds, or 0", base);
  check(Number.isFinite(cap) && cap >= base, "cap", "a number of milliseconds, no less than `base`", cap);
  check(Number.isFinite(factor) && factor >= 1, "factor", "a number from 1 on", factor);
  // base 0 times an overflown power would be NaN.
  return (attempt, random) => (base === 0 ? 0 : Math.min(cap, base * factor ** attempt) * random);
}
