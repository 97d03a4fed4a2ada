import { microseconds } from "./clock.ts";

/** The resources that a process has used so far. */
export interface ProcessUsage {
  /** Time of the reading, in microseconds. */
  readonly at: number;
  /** CPU time, user and system, in microseconds. */
  readonly cpu: number;
  /** Resident set size, in bytes. */
  readonly rss: number;
  /** JS heap plus external memory, in bytes. */
  readonly heap: number;
}

/** @param collectGarbage run the garbage collector first, so that `rss` and `heap` contain only live memory */
export function processUsage(collectGarbage: boolean): ProcessUsage {
  if (collectGarbage) for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { at: microseconds(), cpu: user + system, rss, heap: heapUsed + external };
}
