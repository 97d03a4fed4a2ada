// A type only. Tested by test/connection/options.test.ts.

import type { Clock } from "../base/clock.ts";
import type { Report } from "./observer.ts";

/** Time, random numbers and the observer, which tests replace. */
export interface Runtime {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Calls the application's observer. */
  readonly report: Report;
}
