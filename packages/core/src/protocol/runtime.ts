import type { Clock } from "../base/clock.ts";
import type { Report } from "./observer.ts";

/** What core takes from outside instead of using it directly, so that tests can replace it. */
export interface Runtime {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Tells the application's observer. */
  readonly report: Report;
}
