import { expect, onTestFinished, test } from "vitest";
import { until } from "../../common/test/until.ts";
import { countPrimes } from "../count-primes.ts";
import type { JobTable } from "../job-table.ts";
import { SLICE, work } from "../worker.ts";
import { openTable, tempDatabase, write } from "./open-table.ts";

/** Runs one worker per table until the test is finished. */
function startWorkers(tables: readonly JobTable[]): void {
  const workers = new AbortController();
  const done = tables.map((table) => work(table, { signal: workers.signal, pause: 0, idle: 1 }));
  onTestFinished(async () => {
    workers.abort();
    await Promise.all(done);
  });
}

test.each([
  [0, 2, 0],
  [0, 3, 1],
  [2, 10, 4],
  [10, 11, 0],
  [11, 12, 1],
  [0, 50_000, 5133],
])("between %i (inclusive) and %i (exclusive) there are %i primes", (from, to, primes) => {
  expect(countPrimes(from, to)).toBe(primes);
});

test("with several workers, every slice of every job is counted once", async () => {
  const path = tempDatabase();
  const table = openTable(path);
  for (const id of ["a", "b", "c"]) table.add(id, 3);
  startWorkers([openTable(path), openTable(path)]);
  for (const id of ["a", "b", "c"]) {
    await until(() => table.find(id, 0)?.state === "done");
    expect(table.find(id, 0)?.events.map(({ event, data }) => [event, data.primes])).toEqual([
      ["slice", 5133],
      ["slice", 4459],
      ["slice", 4256],
      ["done", countPrimes(0, 3 * SLICE)],
    ]);
  }
});

test("another worker takes over the job of a dead worker, after the last written event", async () => {
  let now = 0;
  const table = openTable(undefined, () => now);
  table.add("a", 3);
  expect(table.claim()?.id).toBe("a");
  write(table, "a", 1, 2);
  now = 3_000;
  expect(table.claim()).toBeUndefined();
  now = 3_001;
  startWorkers([table]);
  await until(() => table.find("a", 0)?.state === "done");
  expect(table.find("a", 2)?.events.map(({ data }) => data.primes)).toEqual([4256, 1 + 1 + 4256]);
});

test("a worker abandons a job whose row is deleted, and takes the next", async () => {
  const table = openTable();
  table.add("a", 1_000);
  table.add("b", 1);
  startWorkers([table]);
  await until(() => (table.find("a", 0)?.events.length ?? 0) > 0);
  table.remove("a");
  await until(() => table.find("b", 0)?.state === "done");
  expect(table.find("a", 0)).toBeUndefined();
});

test("two workers on the same job do not write the same event twice", () => {
  const table = openTable();
  table.add("a", 2);
  const event = { event: "done", data: { primes: 1 } } as const;
  expect(table.append("a", 1, event)).toBe(true);
  expect(table.append("a", 1, event)).toBe(false);
  expect(table.find("a", 0)?.events).toEqual([event]);
});
