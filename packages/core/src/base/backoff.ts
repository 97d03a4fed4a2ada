import { checkOptions, type OptionNames } from "./check-options.ts";
import { check } from "./validate.ts";

/** Options of {@link backoff}. */
export interface BackoffOptions {
  /** The upper bound of the first delay, in ms; 0 for no delay at all. @default 1_000 */
  readonly base?: number;
  /** The upper bound of every delay, in ms; at least `base`. @default 30_000 */
  readonly cap?: number;
  /** The upper bound is multiplied by this with each further attempt; at least 1. @default 2 */
  readonly factor?: number;
}

export const BACKOFF_NAMES: OptionNames<BackoffOptions> = { base: true, cap: true, factor: true };

/**
 * Exponential back-off with full jitter: the delay before attempt number `attempt` (from 0) is uniform in
 * `[0, min(cap, base * factor ** attempt)]`, in ms.
 *
 * The returned function is pure: the caller passes `random`, a number in [0, 1).
 *
 * @throws `INVALID_OPTION`
 *
 * @example
 * const delay = backoff({ base: 1_000, cap: 30_000 });
 * clock.after(delay(failures, Math.random()), retry);
 */
export function backoff(options: BackoffOptions = {}): (attempt: number, random: number) => number {
  checkOptions(undefined, options, BACKOFF_NAMES);
  const { base = 1_000, cap = 30_000, factor = 2 } = options;
  check(Number.isFinite(base) && base >= 0, "base", "a number of milliseconds, or 0", base);
  check(Number.isFinite(cap) && cap >= base, "cap", "a number of milliseconds, no less than `base`", cap);
  check(Number.isFinite(factor) && factor >= 1, "factor", "a number from 1 on", factor);
  // With base 0, a power that overflows to Infinity would make the product NaN.
  return (attempt, random) => (base === 0 ? 0 : Math.min(cap, base * factor ** attempt) * random);
}
