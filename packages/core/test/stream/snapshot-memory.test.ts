import { expect, test } from "vitest";
import { type ByteBudget, SharedMemory, SnapshotMemory } from "../../src/stream/snapshot-memory.ts";

function createBudget(limit: number): ByteBudget & { bytes: number } {
  return {
    bytes: 0,
    reserve(bytes) {
      if (this.bytes + bytes > limit) return false;
      this.bytes += bytes;
      return true;
    },
    release(bytes) {
      this.bytes -= bytes;
    },
  };
}

test("shared memory is counted once, until the last holder lets go", () => {
  const budget = createBudget(100);
  const memory = new SharedMemory(60, budget);
  expect(budget.bytes).toBe(0);
  const [first, second] = [memory.hold(), memory.hold()];
  expect(budget.bytes).toBe(60);
  first?.();
  first?.();
  expect(budget.bytes).toBe(60);
  second?.();
  expect(budget.bytes).toBe(0);
  const third = memory.hold();
  expect(budget.bytes).toBe(60);
  expect(new SharedMemory(60, budget).hold()).toBeUndefined();
  third?.();
  expect(budget.bytes).toBe(0);
});

test("snapshots get a quarter of all bytes, and no more than there is room for", () => {
  const budget = createBudget(100);
  const snapshots = new SnapshotMemory(budget, 100);
  expect([snapshots.reserve(20), snapshots.reserve(6), snapshots.reserve(5)]).toEqual([true, false, true]);
  snapshots.release(20);
  budget.reserve(80);
  expect([snapshots.reserve(20), snapshots.reserve(15)]).toEqual([false, true]);
  expect(budget.bytes).toBe(100);
});
