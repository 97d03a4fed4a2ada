// Random sequences of frames are tested in log.test.ts.

import { expect, test } from "vitest";
import { SlabMemory } from "../../src/log/slab.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (view: Uint8Array): string => new TextDecoder().decode(view);

/** Memory with frames of this text, numbered from 1, and the address of each of them. */
function memoryWith(frames: readonly string[]): { memory: SlabMemory; addresses: number[] } {
  const memory = new SlabMemory({ frameBytes: 200_000, slabBytes: 65_536 });
  const addresses = frames.map((frame, index) => {
    const address = memory.end;
    memory.encode(frame);
    memory.commit(index + 1);
    return address;
  });
  return { memory, addresses };
}

test("frames that follow each other in one slab are one view of its memory", () => {
  const { memory, addresses } = memoryWith(["one", "two", "three"]);
  const all = memory.read(0, memory.end, 3);
  const [, second = 0] = addresses;
  const rest = memory.read(second, memory.end, 3);
  expect([text(all.bytes), all.last, text(rest.bytes), rest.last]).toEqual(["onetwothree", 3, "twothree", 3]);
  expect(rest.bytes.buffer).toBe(all.bytes.buffer);
});

test("a frame is part of the memory only when it is committed", () => {
  const { memory } = memoryWith(["one"]);
  memory.encode("not committed");
  expect(memory.end).toBe(3);
  memory.copy(bytes("two"));
  expect([memory.end, memory.stagedSize]).toEqual([3, 3]);
  memory.commit(2);
  expect(text(memory.read(0, memory.end, 2).bytes)).toBe("onetwo");
});

test("the bytes of a copied frame are not shared with the caller", () => {
  for (const size of [10, 20_000]) {
    const memory = new SlabMemory({ frameBytes: 200_000, slabBytes: 65_536 });
    const frame = new Uint8Array(size).fill(1);
    memory.copy(frame);
    memory.commit(1);
    frame.fill(2);
    expect(memory.read(0, memory.end, 1).bytes).toEqual(new Uint8Array(size).fill(1));
  }
});

test("a large frame has its own slab, and small ones go on in the slab before it", () => {
  const large = "x".repeat(20_000);
  const { memory, addresses } = memoryWith(["one", large, "two"]);
  const [, second = 0, third = 0] = addresses;
  const [one, alone, two] = [
    memory.read(0, second, 1).bytes,
    memory.read(second, third, 2).bytes,
    memory.read(third, memory.end, 3).bytes,
  ];
  expect([text(one), alone.length, text(two)]).toEqual(["one", 20_000, "two"]);
  expect(alone.buffer.byteLength).toBe(20_000);
  expect(two.buffer).toBe(one.buffer);
});

test("a short run over several slabs is copied into one piece", () => {
  const { memory } = memoryWith(["one", "x".repeat(20_000), "two"]);
  const run = memory.read(0, memory.end, 3);
  expect([text(run.bytes), run.last]).toEqual([`one${"x".repeat(20_000)}two`, 3]);
});

test("a run of more than 64 KiB over several slabs stops at the end of the first", () => {
  const { memory, addresses } = memoryWith(["one", "x".repeat(70_000), "two"]);
  const [, second = 0] = addresses;
  expect(memory.read(0, memory.end, 3)).toEqual({ bytes: bytes("one"), last: 1 });
  expect(memory.read(second, memory.end, 3)).toMatchObject({ last: 2 });
});

test("a text over the limit is an error, counted in UTF-8, and leaves the memory unchanged", () => {
  const memory = new SlabMemory({ frameBytes: 10, slabBytes: 1_024 });
  memory.encode("x".repeat(10));
  memory.commit(1);
  for (const frame of ["x".repeat(11), "é".repeat(6)]) {
    expect(() => memory.encode(frame)).toThrow(expect.objectContaining({ code: "EVENT_TOO_LARGE" }));
  }
  expect([memory.end, text(memory.read(0, memory.end, 1).bytes)]).toEqual([10, "x".repeat(10)]);
});

test("the memory can be cleared and written again", () => {
  const { memory } = memoryWith(["one"]);
  memory.clear();
  const start = memory.end;
  memory.encode("two");
  memory.commit(5);
  expect(memory.read(start, memory.end, 5)).toEqual({ bytes: bytes("two"), last: 5 });
});

test("slabs whose frames are all released can be read no more, and the others can", () => {
  const { memory, addresses } = memoryWith(["x".repeat(20_000), "y".repeat(20_000), "z".repeat(20_000)]);
  const [, second = 0, third = 0] = addresses;
  memory.release(2);
  expect(text(memory.read(second, third, 2).bytes)).toBe("y".repeat(20_000));
  expect(memory.read(second, memory.end, 3).bytes).toHaveLength(40_000);
});
