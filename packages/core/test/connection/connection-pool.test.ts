import { expect, test, vi } from "vitest";
import { ConnectionPool, type PooledConnection } from "../../src/connection/connection-pool.ts";
import type { DrainReason } from "../../src/protocol/reasons.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/index.ts";

function createPool(maxConnections: number): { clock: FakeClock; pool: ConnectionPool } {
  const clock = createFakeClock();
  const runtime = { clock, random: () => 0.5, report: () => undefined };
  return { clock, pool: new ConnectionPool({ runtime, heartbeat: 15_000, maxConnections }) };
}

const connection = () => ({
  id: "a",
  drain: vi.fn<(reason: DrainReason, spread: number) => void>(),
  destroy: vi.fn<(reason: DrainReason) => void>(),
});

test("the limit applies to counted connections, and a removed one makes room", () => {
  const { pool } = createPool(1);
  const [first, uncounted] = [connection(), connection()];
  expect(pool.rejectReason("a", true)).toBeUndefined();
  pool.add(first, true);
  pool.add(uncounted, false);
  expect(pool.size).toBe(1);
  expect([pool.rejectReason("a", true), pool.rejectReason("a", false)]).toEqual(["busy", undefined]);
  pool.remove(uncounted);
  expect(pool.rejectReason("a", true)).toBe("busy");
  pool.remove(first);
  pool.remove(first);
  pool.remove(connection());
  expect([pool.size, pool.rejectReason("a", true)]).toEqual([0, undefined]);
});

test("a drain reaches every connection, and no other one is admitted", async () => {
  const { pool } = createPool(10);
  const all = [connection(), connection()];
  pool.add(all[0] as PooledConnection, true);
  pool.add(all[1] as PooledConnection, false);
  void pool.drain(1_000, 50);
  for (const { drain } of all) expect(drain.mock.calls).toEqual([["shutdown", 50]]);
  expect(pool.spread).toBe(50);
  expect([pool.rejectReason("a", true), pool.rejectReason("a", false)]).toEqual(["shutdown", "shutdown"]);
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
