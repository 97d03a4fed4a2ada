import { expect, test, vi } from "vitest";
import { ConnectionPool, type PooledConnection } from "../../src/connection/connection-pool.ts";
import type { DrainReason } from "../../src/protocol/reasons.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/index.ts";

interface TestPool {
  readonly clock: FakeClock;
  readonly pool: ConnectionPool;
  /** The keys that have connections. */
  readonly keys: Set<string>;
}

function createPool(maxConnections: number, maxConnectionsPerKey = Infinity): TestPool {
  const clock = createFakeClock();
  const runtime = { clock, random: () => 0.5, report: () => undefined };
  const keys = new Set<string>();
  const onKey = (key: string): (() => void) => {
    keys.add(key);
    return () => void keys.delete(key);
  };
  const options = { runtime, maxConnections, maxConnectionsPerKey, onKey };
  return { clock, pool: new ConnectionPool(options), keys };
}

const labels = { id: "a" };
const connection = (key?: string) => ({
  labels: { id: "a", key },
  since: 1_700_000_000_000,
  transfer: { duration: 5, events: 2, bytes: 30 },
  drain: vi.fn<(reason: DrainReason, spread: number, cause?: unknown) => void>(),
  destroy: vi.fn<(reason: DrainReason) => void>(),
});

test("the limit applies to counted connections, and a removed one makes room", () => {
  const { pool } = createPool(1);
  const [first, uncounted] = [connection(), connection()];
  expect(pool.rejectReason(labels, true)).toBeUndefined();
  pool.add(first, true);
  pool.add(uncounted, false);
  expect(pool.size).toBe(1);
  expect([pool.rejectReason(labels, true), pool.rejectReason(labels, false)]).toEqual(["busy", undefined]);
  pool.remove(uncounted);
  expect(pool.rejectReason(labels, true)).toBe("busy");
  pool.remove(first);
  pool.remove(first);
  pool.remove(connection());
  expect([pool.size, pool.rejectReason(labels, true)]).toEqual([0, undefined]);
});

test("the limit of a key applies to its connections alone", () => {
  const { pool, keys } = createPool(10, 2);
  const anna = { id: "b", key: "anna" };
  const [first, second] = [connection("anna"), connection("anna")];
  pool.add(first, true);
  expect(pool.rejectReason(anna, true)).toBeUndefined();
  pool.add(second, true);
  expect([pool.rejectReason(anna, true), pool.rejectReason(anna, false)]).toEqual(["busy", undefined]);
  expect([pool.rejectReason(labels, true), pool.rejectReason({ id: "b", key: "ben" }, true)]).toEqual([
    undefined,
    undefined,
  ]);
  expect([...keys]).toEqual(["anna"]);
  pool.remove(first);
  pool.remove(first);
  expect([pool.rejectReason(anna, true), [...keys]]).toEqual([undefined, ["anna"]]);
  pool.remove(second);
  expect([...keys]).toEqual([]);
});

test("connections are listed, all or those of a key, and disconnected by key", () => {
  const { pool } = createPool(10);
  const [anna, ben, nobody] = [connection("anna"), connection("ben"), connection()];
  for (const one of [anna, ben, nobody]) pool.add(one, true);
  pool.add(connection("anna"), false);
  const info = (key: string | undefined) => ({
    id: "a",
    key,
    since: 1_700_000_000_000,
    events: 2,
    bytes: 30,
  });
  expect(pool.list(undefined)).toEqual([info("anna"), info("ben"), info(undefined)]);
  expect(pool.list("ben")).toEqual([info("ben")]);
  expect(pool.list("unknown")).toEqual([]);
  anna.drain.mockImplementation(() => pool.remove(anna));
  pool.disconnect("anna", "logout");
  pool.disconnect("unknown");
  expect(anna.drain.mock.calls).toEqual([["aborted", 0, "logout"]]);
  expect([ben.drain.mock.calls, pool.size]).toEqual([[], 2]);
});

test("a drain reaches every connection, and no other one is admitted", async () => {
  const { pool } = createPool(10);
  const all = [connection(), connection()];
  pool.add(all[0] as PooledConnection, true);
  pool.add(all[1] as PooledConnection, false);
  void pool.drain(1_000, 50);
  for (const { drain } of all) expect(drain.mock.calls).toEqual([["shutdown", 50]]);
  expect(pool.spread).toBe(50);
  expect([pool.rejectReason(labels, true), pool.rejectReason(labels, false)]).toEqual([
    "shutdown",
    "shutdown",
  ]);
});

test("a drain is over when the last connection is removed, and leaves no timer", async () => {
  const { clock, pool } = createPool(10);
  const [first, second] = [connection(), connection()];
  pool.add(first, true);
  pool.add(second, true);
  const onDrained = vi.fn<() => void>();
  void pool.drain(1_000, 0).then(onDrained);
  pool.remove(first);
  await clock.flush();
  expect(onDrained).not.toHaveBeenCalled();
  pool.remove(second);
  await clock.flush();
  expect(onDrained).toHaveBeenCalledOnce();
  expect([first.destroy.mock.calls, second.destroy.mock.calls, clock.timers]).toEqual([[], [], 0]);
});

test("at the deadline the remaining connections are destroyed", async () => {
  const { clock, pool } = createPool(10);
  const slow = connection();
  slow.destroy.mockImplementation(() => pool.remove(slow));
  pool.add(slow, true);
  const drained = pool.drain(1_000, 0);
  await clock.advance(999);
  expect(slow.destroy).not.toHaveBeenCalled();
  await clock.advance(1);
  await drained;
  expect(slow.destroy.mock.calls).toEqual([["shutdown"]]);
  expect(pool.size).toBe(0);
});

test("the drain of an empty pool is over at once", async () => {
  const { clock, pool } = createPool(10);
  await pool.drain(1_000, 0);
  expect(clock.timers).toBe(0);
});
