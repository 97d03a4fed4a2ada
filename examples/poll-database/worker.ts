import { setTimeout as sleep } from "node:timers/promises";
import { countPrimes } from "./count-primes.ts";
import type { JobRow, JobTable } from "./job-table.ts";

/** Numbers in a slice. */
export const SLICE = 50_000;

export interface WorkerOptions {
  readonly signal: AbortSignal;
  /** How long to wait before each slice, in ms, so that there is time to watch. @default 500 */
  readonly pace?: number;
  /** How long to wait before looking again when there is no job, in ms. @default 200 */
  readonly idle?: number;
}

/**
 * Works off the table's jobs, one after another, and writes down how it goes. It knows nothing of streams or readers.
 * Who goes on with a job that somebody else has begun goes on behind what is written.
 */
export async function work(
  table: JobTable,
  { signal, pace = 500, idle = 200 }: WorkerOptions,
): Promise<void> {
  const wait = (ms: number): Promise<void> => sleep(ms, undefined, { signal });
  try {
    while (!signal.aborted) {
      const job = table.claim();
      if (job === undefined) await wait(idle);
      else await count(table, job, () => wait(pace));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function count(table: JobTable, { id, slices }: JobRow, pace: () => Promise<void>): Promise<void> {
  const written = table.find(id, 0)?.events ?? [];
  let sum = written.reduce((primes, { data }) => primes + data.primes, 0);
  for (let slice = written.length + 1; slice <= slices; slice++) {
    await pace();
    const [from, to] = [(slice - 1) * SLICE, slice * SLICE];
    const primes = countPrimes(from, to);
    if (!table.append(id, slice, { event: "slice", data: { slice, of: slices, from, to, primes } })) return;
    sum += primes;
  }
  table.append(id, slices + 1, { event: "done", data: { primes: sum } });
}
