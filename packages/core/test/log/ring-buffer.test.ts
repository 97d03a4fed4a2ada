import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { createRingBuffer } from "../../src/log/ring-buffer.ts";
import { collectGarbage } from "../support/garbage.ts";

const anyBounds = fc.record({
  count: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 100 }), fc.constant(Infinity)),
  bytes: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constant(Infinity)),
});

test("the buffer has exactly the newest items that fit both bounds, under their numbers", () => {
  fc.assert(
    fc.property(
      anyBounds,
      fc.array(fc.nat({ max: 30 }), { maxLength: 100, size: "max" }),
      ({ count, bytes }, sizes) => {
        const ring = createRingBuffer<{ size: number }>({ count, bytes, sizeOf: ({ size }) => size });
        const all: { size: number }[] = [];
        let first = 1;
        let total = 0;

        for (const size of sizes) {
          const item = { size };
          if (size > bytes) {
            expect(() => ring.push(item)).toThrow(expect.objectContaining({ code: "EVENT_TOO_LARGE" }));
          } else {
            all.push(item);
            total += size;
            while (all.length - first + 1 > count || total > bytes)
              total -= (all[first++ - 1] as typeof item).size;
            expect(ring.push(item)).toBe(all.length);
          }
          expect({ first: ring.first, last: ring.last, bytes: ring.bytes }).toEqual({
            first,
            last: all.length,
            bytes: total,
          });
        }
        for (let number = -1; number <= all.length + 2; number++) {
          expect(ring.get(number)).toBe(number >= first ? all[number - 1] : undefined);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("an empty buffer has no items, and its first number is 1", () => {
  const ring = createRingBuffer({ count: 2, bytes: 2, sizeOf: () => 1 });
  expect({ first: ring.first, last: ring.last, bytes: ring.bytes }).toEqual({ first: 1, last: 0, bytes: 0 });
  expect(ring.get(0)).toBeUndefined();
  expect(ring.get(1)).toBeUndefined();
});

test("`sizeOf` is called once for each item", () => {
  const sizeOf = vi.fn<(item: number) => number>(() => 3);
  const ring = createRingBuffer<number>({ count: 50, bytes: 100, sizeOf });
  for (let item = 1; item <= 1_000; item++) ring.push(item);
  expect(sizeOf.mock.calls).toEqual(Array.from({ length: 1_000 }, (_, index) => [index + 1]));
});

test("memory is allocated as it is needed, not for the largest count", () => {
  const ring = createRingBuffer<number>({ count: 2 ** 40, bytes: Infinity, sizeOf: () => 1 });
  for (let item = 1; item <= 100; item++) ring.push(item);
  expect([ring.get(1), ring.get(100)]).toEqual([1, 100]);
});

test("dropped items can be garbage collected", async () => {
  const ring = createRingBuffer<{ size: number }>({ count: 10, bytes: 10, sizeOf: ({ size }) => size });
  const references = [1, 1, 1, 1, 1, 1, 8, 1, 1].map((size) => {
    const item = { size };
    ring.push(item);
    return new WeakRef(item);
  });
  await collectGarbage();
  const retained = references.map((reference) => reference.deref() !== undefined);
  expect(retained).toEqual(references.map((_, index) => index + 1 >= ring.first));
  expect(ring.first).toBe(7);
});

test("no item is dropped for one that is too large", () => {
  const ring = createRingBuffer<number>({ count: 9, bytes: 10, sizeOf: (size) => size });
  ring.push(4);
  ring.push(6);
  expect(() => ring.push(11)).toThrow(
    expect.objectContaining({
      code: "EVENT_TOO_LARGE",
      message: "An item of 11 bytes does not fit into 10.",
    }),
  );
  expect([ring.get(1), ring.get(2), ring.bytes]).toEqual([4, 6, 10]);
});

test.each([NaN, -1, 0.5, Infinity, undefined as never])(
  "a size of %s, which would corrupt the sum, is an error",
  (size) => {
    const ring = createRingBuffer({ count: 9, bytes: Infinity, sizeOf: () => size });
    expect(() => ring.push("item")).toThrow(
      expect.objectContaining({
        code: "INVALID_OPTION",
        message: `\`sizeOf(item)\` must be a non-negative integer, got ${size}.`,
      }),
    );
    expect([ring.last, ring.bytes]).toEqual([0, 0]);
  },
);

test.each([
  { count: 0, bytes: 1, sizeOf: () => 1 },
  { count: 1.5, bytes: 1, sizeOf: () => 1 },
  { count: 1, bytes: -1, sizeOf: () => 1 },
  { count: 1, bytes: 1, sizeOf: undefined as never },
])("invalid bounds are an error: %o", (options) => {
  expect(() => createRingBuffer(options)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
});

test("`skip` drops all items and continues behind the given number", () => {
  const ring = createRingBuffer<string>({ count: 3, bytes: 100, sizeOf: () => 1 });
  ring.push("one");
  ring.push("two");
  ring.skip(40);
  expect([ring.first, ring.last, ring.bytes, ring.get(2), ring.get(40)]).toEqual([
    41,
    40,
    0,
    undefined,
    undefined,
  ]);
  for (const item of ["a", "b", "c", "d"]) ring.push(item);
  expect([ring.first, ring.last, ring.get(42), ring.get(44)]).toEqual([42, 44, "b", "d"]);
});
