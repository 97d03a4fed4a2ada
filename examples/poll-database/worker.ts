import { setTimeout as sleep } from "node:timers/promises";
import { countPrimes } from "./count-primes.ts";
import type { JobRow, JobTable } from "./job-table.ts";

/** Size of a slice. */
export const SLICE = 50_000;

export interface WorkerOptions {
  readonly signal: AbortSignal;
  /** Pause before each slice, in ms, so that users can watch. @default 500 */
  readonly pause?: number;
  /** Pause before the next look at the table when there is no job, in ms. @default 200 */
  readonly idle?: number;
}

/**
 * Works on the jobs of the table, one after another, and writes their events to the table. It knows nothing about
 * streams or readers. A worker that takes over a job continues after the last event in the table.
 */
export async function work(
  table: JobTable,
  { signal, pause = 500, idle = 200 }: WorkerOptions,
): Promise<void> {
  const wait = (ms: number): Promise<void> => sleep(ms, undefined, { signal });
  try {
    while (!signal.aborted) {
      const job = table.claim();
      if (job === undefined) await wait(idle);
      else await count(table, job, () => wait(pause));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function count(table: JobTable, { id, slices }: JobRow, pause: () => Promise<void>): Promise<void> {
  const written = table.find(id, 0)?.events ?? [];
  let sum = written.reduce((primes, { data }) => primes + data.primes, 0);
  for (let slice = written.length + 1; slice <= slices; slice++) {
    await pause();
    const [from, to] = [(slice - 1) * SLICE, slice * SLICE];
    const primes = countPrimes(from, to);
    if (!table.append(id, slice, { event: "slice", data: { slice, of: slices, from, to, primes } })) return;
    sum += primes;
  }
  table.append(id, slices + 1, { event: "done", data: { primes: sum } });
}
