// Covers src/tables.ts: what is expired or replaced leaves the file.

import { DatabaseSync } from "node:sqlite";
import { createFakeClock } from "@holdfast/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { append, STREAM, texts } from "../../core/test/support/store-calls.ts";

function setUp() {
  const database = new DatabaseSync(":memory:");
  onTestFinished(() => database.close());
  const clock = createFakeClock(1_000_000);
  const store = sqliteStore({ database, clock, now: () => clock.now() });
  const count = (table: string): unknown =>
    database.prepare(`SELECT count(*) AS count FROM holdfast_${table}`).get()?.["count"];
  async function run<T>(call: Promise<T>): Promise<T> {
    await clock.flush();
    return call;
  }
  /** Writes, as any producer does every few seconds, so that the sweeper runs. */
  async function sweep(): Promise<void> {
    await clock.advance(2_000);
    await run(store.hintDisconnect("nobody"));
  }
  return { database, clock, store, count, run, sweep };
}

const frames = (count: number): string[] => Array.from({ length: count }, (_, index) => `f${index + 1}`);

test("an expired stream is removed, some of it at a time", async () => {
  const { store, clock, count, run, sweep } = setUp();
  await run(store.open("job", { ...STREAM, ttlMs: 10_000 }));
  await run(append(store, "job", 1, frames(2_500), { ttlMs: 10_000 }));
  await run(store.open("other", STREAM));
  await sweep();
  expect(count("frames")).toBe(2_500);
  await clock.advance(10_000);
  expect(await texts(store, "job")).toBe("missing");
  await sweep();
  expect(count("frames")).toBe(1_500);
  await sweep();
  await sweep();
  expect([count("frames"), count("streams")]).toEqual([0, 1]);
});

test("much that is expired is gone soon, without further writes", async () => {
  const { store, clock, count, run, sweep } = setUp();
  for (let index = 0; index < 150; index++)
    await run(store.open(`job ${index}`, { ...STREAM, ttlMs: 1_000 }));
  await run(append(store, "job 0", 1, frames(9_500), { ttlMs: 1_000 }));
  await clock.advance(10_000);
  await sweep();
  expect(count("frames")).toBe(8_500);
  await clock.advance(1_000);
  expect([count("frames"), count("streams")]).toEqual([0, 0]);
});

test("an append keeps a stream that would have been removed", async () => {
  const { store, clock, run, sweep } = setUp();
  await run(store.open("job", { ...STREAM, ttlMs: 5_000 }));
  await run(append(store, "job", 1, ["f1"], { ttlMs: 60_000 }));
  await clock.advance(10_000);
  await sweep();
  expect(await texts(store, "job")).toEqual(["f1"]);
  await clock.advance(60_000);
  await sweep();
  expect(await texts(store, "job")).toBe("missing");
});

test("the frames and batches of an earlier life are removed", async () => {
  const { store, count, run, sweep } = setUp();
  await run(store.open("room", { ...STREAM, kind: "channel" }));
  const batch = { producer: "p", number: 1 };
  const { from: _, ...channel } = {
    from: 1,
    epoch: STREAM.epoch,
    fence: 0,
    leaseMs: 1,
    ttlMs: 60_000,
    batch,
  };
  await run(store.append("room", { ...channel, frames: [Buffer.from("f1")] }));
  await run(store.open("job", STREAM));
  await run(append(store, "job", 1, frames(10)));
  await run(store.open("job", { ...STREAM, epoch: "bbbbbbbbbb", ifExists: "replace" }));
  await run(store.delete("room"));
  expect(await texts(store, "job")).toEqual([]);
  await sweep();
  expect([count("frames"), count("batches"), count("streams")]).toEqual([0, 0, 1]);
});

test("a stream keeps its newest frames", async () => {
  const { store, count, run } = setUp();
  await run(store.open("job", { ...STREAM, keep: 3 }));
  await run(append(store, "job", 1, frames(2)));
  await run(append(store, "job", 3, ["f3", "f4"]));
  expect(await texts(store, "job")).toEqual(["f2", "f3", "f4"]);
  await run(append(store, "job", 5, frames(10)));
  expect([await texts(store, "job"), count("frames")]).toEqual([["f8", "f9", "f10"], 3]);
});

test("what is more than `keepBytes` leaves the file, some hundred frames at a time", async () => {
  const { store, count, run } = setUp();
  await run(store.open("job", STREAM));
  await run(append(store, "job", 1, frames(5_000)));
  await run(store.open("job", { ...STREAM, epoch: "bbbbbbbbbb", ifExists: "append", keepBytes: 160 }));
  const next = { epoch: "bbbbbbbbbb", fence: 2 };
  await run(append(store, "job", 5_001, ["x".repeat(100)], next));
  expect(count("frames")).toBe(5_001);
  await run(append(store, "job", 5_002, ["x".repeat(160)], next));
  expect(await texts(store, "job")).toEqual(["x".repeat(160)]);
  expect(count("frames")).toBe(5_002 - 258);
  for (let seq = 5_003; seq <= 5_025; seq++) await run(append(store, "job", seq, ["x".repeat(100)], next));
  expect([await texts(store, "job"), count("frames")]).toEqual([Array(2).fill("x".repeat(100)), 2]);
});

test("few hints are kept", async () => {
  const { store, database, count, run, sweep } = setUp();
  await run(store.open("job", STREAM));
  database.exec("INSERT INTO holdfast_hints VALUES (50000, 'x', 'changed', 1)");
  await sweep();
  expect(count("hints")).toBe(2);
});
