import { microseconds } from "./clock.ts";

/** What a process has used until now. */
export interface Usage {
  /** When, in microseconds. */
  readonly at: number;
  /** CPU time, in microseconds. */
  readonly cpu: number;
  /** In bytes. */
  readonly rss: number;
  /** The JS heap and what it holds outside, in bytes. */
  readonly heap: number;
}

/** @param collect whether to collect garbage first, so that `rss` and `heap` are what is held */
export function usage(collect: boolean): Usage {
  if (collect) for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { at: microseconds(), cpu: user + system, rss, heap: heapUsed + external };
}
