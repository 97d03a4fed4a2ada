import fc from "fast-check";
import { expect, test } from "vitest";
import { appendToHead, openHead, type StreamHead } from "../../src/store-kit/index.ts";
import type { StoreOpen } from "../../src/store/store.ts";

const EPOCH = "aaaaaaaaaa";
const LONG = 60_000;
const OPEN: StoreOpen = { kind: "stream", epoch: EPOCH, leaseMs: LONG, ttlMs: LONG, keep: 1_000_000 };

const open = (options: Partial<StoreOpen>, found?: StreamHead): StreamHead =>
  openHead(found, { ...OPEN, ...options }, 0).head as StreamHead;

function append(head: StreamHead, sizes: readonly number[]): StreamHead {
  const { epoch, fence } = head;
  const frames = sizes.map((size) => new Uint8Array(size));
  const result = appendToHead(head, { epoch, fence, frames, leaseMs: LONG, ttlMs: LONG }, 0);
  return JSON.parse(JSON.stringify(result.head)) as StreamHead;
}

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

test("whatever the sizes are, the bytes that are kept are within the documented bounds", () => {
  const batches = fc.array(fc.array(fc.oneof(fc.nat(20), fc.nat(2_000)), { maxLength: 40 }), {
    maxLength: 60,
    size: "max",
  });
  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 5_000 }), (given, keepBytes) => {
      let head = open({ keepBytes });
      const sizes: number[] = [];
      for (const batch of given) {
        head = append(head, batch);
        sizes.push(...batch);
        const { first, last, offsets = [] } = head;
        expect(last).toBe(sizes.length);
        const kept = sum(sizes.slice(first - 1));
        // The newest that fit, and the newest one.
        if (first > 1) expect(kept).toBeGreaterThanOrEqual(keepBytes);
        // Not more than an eighth (each part may be a byte larger), and two frames.
        expect(kept).toBeLessThanOrEqual(1.125 * keepBytes + 2 + 2 * Math.max(0, ...sizes));
        expect(offsets.length).toBeLessThanOrEqual(17);
      }
    }),
  );
});

test("the number of the frames and their bytes both count", () => {
  let head = open({ keep: 5, keepBytes: 1_000 });
  for (let count = 0; count < 10; count++) head = append(head, [1]);
  expect([head.first, head.last]).toEqual([6, 10]);
  for (let count = 0; count < 10; count++) head = append(head, [400]);
  expect([head.first, head.last]).toEqual([18, 20]);
});

test("the head of a store that does not limit bytes is as it was", () => {
  expect(append(open({}), [1, 2, 3])).not.toHaveProperty("bytes");
});

test("a head that was saved before bytes were counted goes on, and its frames go first", () => {
  let head = append(open({}), Array<number>(500).fill(1_000));
  head = open({ keepBytes: 10_000, ifExists: "append", epoch: "bbbbbbbbbb" }, head);
  for (let count = 0; count < 9; count++) head = append(head, [1_000]);
  expect(head.first).toBe(1);
  for (let count = 0; count < 2; count++) head = append(head, [1_000]);
  expect(head.first).toBe(502);
});

test("an open without `keepBytes` leaves the limit as it is; another life begins without one", () => {
  let head = append(open({ keepBytes: 1_000 }), [600, 600]);
  const { bytes, offsets } = head;
  head = open({ ifExists: "append", epoch: "bbbbbbbbbb" }, head);
  expect(head).toMatchObject({ keepBytes: 1_000, bytes, offsets });
  head = open({ ifExists: "replace", epoch: "cccccccccc" }, head);
  expect(head).not.toHaveProperty("keepBytes");
  expect(head).not.toHaveProperty("bytes");
  expect(head).not.toHaveProperty("offsets");
});
