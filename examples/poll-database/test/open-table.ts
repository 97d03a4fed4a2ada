import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { JobTable } from "../job-table.ts";

/** Opens a table until the test is finished. */
export function openTable(path?: string, now?: () => number): JobTable {
  const table = new JobTable(path, now);
  onTestFinished(() => table.close());
  return table;
}

/** The path of a temporary database that several tables can share, until the test is finished. */
export function tempDatabase(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-poll-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "jobs.db");
}

/** Writes the events number `first` to `last` of a job, like a worker. */
export function write(table: JobTable, id: string, first: number, last: number, of = 100): void {
  for (let slice = first; slice <= last; slice++) {
    table.append(id, slice, { event: "slice", data: { slice, of, from: slice - 1, to: slice, primes: 1 } });
  }
}

/** Writes the last event of a job, number `seq`. */
export function finish(table: JobTable, id: string, seq: number): void {
  table.append(id, seq, { event: "done", data: { primes: seq - 1 } });
}

/** Adds a job that is done. */
export function doneJob(table: JobTable, id: string, slices: number): void {
  table.add(id, slices);
  write(table, id, 1, slices, slices);
  finish(table, id, slices + 1);
}
