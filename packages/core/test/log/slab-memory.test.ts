// Random sequences of frames are tested in log.test.ts.

import { expect, test } from "vitest";
import { SlabMemory } from "../../src/log/slab-memory.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (view: Uint8Array): string => new TextDecoder().decode(view);

/** Memory with frames of this text, numbered from 1. */
function memoryWith(...frames: readonly string[]): SlabMemory {
  const memory = new SlabMemory({ frameBytes: 200_000, slabBytes: 65_536 });
  for (const [index, frame] of frames.entries()) memory.encode(frame, index + 1);
  return memory;
}

test("frames that follow each other in one slab are one view of its memory", () => {
  const memory = memoryWith("one", "two", "three");
  const [all, rest] = [memory.read(1, 3), memory.read(2, 3)];
  expect([text(all.bytes), all.last, text(rest.bytes), rest.last]).toEqual(["onetwothree", 3, "twothree", 3]);
  expect(rest.bytes.buffer).toBe(all.bytes.buffer);
});

test("the bytes of a copied frame are not shared with the caller", () => {
  for (const size of [10, 20_000]) {
    const memory = memoryWith();
    const frame = new Uint8Array(size).fill(1);
    memory.copy(frame, 1);
    frame.fill(2);
    expect(memory.read(1, 1).bytes).toEqual(new Uint8Array(size).fill(1));
  }
});

test("a large frame has its own slab, and small ones go on in the slab before it", () => {
  const memory = memoryWith("one", "x".repeat(20_000), "two");
  const [one, alone, two] = [1, 2, 3].map((number) => memory.read(number, number).bytes) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  expect([text(one), alone.length, text(two)]).toEqual(["one", 20_000, "two"]);
  expect(alone.buffer.byteLength).toBe(20_000);
  expect(two.buffer).toBe(one.buffer);
});

test("a short run over several slabs is copied into one piece", () => {
  const run = memoryWith("one", "x".repeat(20_000), "two").read(1, 3);
  expect([text(run.bytes), run.last]).toEqual([`one${"x".repeat(20_000)}two`, 3]);
});

test("a run of more than 64 KiB over several slabs stops at the end of the first", () => {
  const memory = memoryWith("one", "x".repeat(70_000), "two");
  expect(memory.read(1, 3)).toEqual({ bytes: bytes("one"), last: 1 });
  expect(memory.read(2, 3)).toMatchObject({ last: 2 });
});

test("a text over the limit is an error, counted in UTF-8, and leaves the memory unchanged", () => {
  const memory = new SlabMemory({ frameBytes: 10, slabBytes: 1_024 });
  memory.encode("x".repeat(10), 1);
  for (const frame of ["x".repeat(11), "é".repeat(6)]) {
    expect(() => memory.encode(frame, 2)).toThrow(expect.objectContaining({ code: "EVENT_TOO_LARGE" }));
  }
  memory.encode("next", 2);
  expect(text(memory.read(1, 2).bytes)).toBe(`${"x".repeat(10)}next`);
});

test("the memory can be cleared, and goes on with any number in the same slab", () => {
  const memory = memoryWith("one");
  const before = memory.read(1, 1).bytes;
  memory.clear();
  memory.encode("two", 5);
  const run = memory.read(5, 5);
  expect(run).toEqual({ bytes: bytes("two"), last: 5 });
  expect([run.bytes.buffer, text(before)]).toEqual([before.buffer, "one"]);
});

test("dropped frames say their size, and the others can be read", () => {
  const memory = memoryWith("one", "three", "x".repeat(20_000), "z");
  expect([1, 2, 3].map((number) => memory.drop(number))).toEqual([3, 5, 20_000]);
  expect(text(memory.read(4, 4).bytes)).toBe("z");
  expect(memory.drop(4)).toBe(1);
  memory.encode("after", 5);
  expect(text(memory.read(5, 5).bytes)).toBe("after");
});

test("the size from a number on is that of all frames behind it, over all slabs", () => {
  const memory = memoryWith("one", "x".repeat(20_000), "two", "three");
  expect([1, 2, 3, 4].map((number) => memory.sizeFrom(number))).toEqual([20_011, 20_008, 8, 5]);
});
