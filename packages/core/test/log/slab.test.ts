import { expect, test } from "vitest";
import { Slab } from "../../src/log/slab.ts";

const text = (view: Uint8Array): string => new TextDecoder().decode(view);

/** A frame of that many characters, of one letter. */
const frameOf = (size: number, index: number): string => String.fromCharCode(97 + (index % 26)).repeat(size);

test.each([100, 1_024, 65_536])("every frame in %d bytes is found, until there is no room", (size) => {
  const slab = new Slab(new Uint8Array(size), 1_000, 7);
  const frames: string[] = [];
  for (;;) {
    const frame = frameOf((frames.length * 5) % 23, frames.length) || "?";
    if (slab.encode(frame, size) === 0) break;
    frames.push(frame);
  }
  expect([slab.first, slab.last, slab.end]).toEqual([7, 6 + frames.length, 1_000 + frames.join("").length]);
  for (const [index, frame] of frames.entries()) {
    expect(text(slab.view(slab.address(7 + index), slab.address(8 + index)))).toBe(frame);
  }
});

test("a frame and its slot need room; one that finds none changes nothing", () => {
  const slab = new Slab(new Uint8Array(10), 0, 1);
  expect([slab.add(new Uint8Array(11)), slab.encode("x".repeat(11), 20)]).toEqual([false, 0]);
  expect([slab.encode("1234", 10), slab.encode("12345", 10), slab.add(new Uint8Array(5))]).toEqual([
    4,
    0,
    false,
  ]);
  expect([slab.encode("1234", 10), slab.last, slab.end, slab.rest().length]).toEqual([4, 2, 8, 0]);
});

test("text that is not ASCII takes more bytes than characters, and counts by its bytes", () => {
  const slab = new Slab(new Uint8Array(10), 0, 1);
  expect([slab.encode("é".repeat(3), 5), slab.end]).toEqual([0, 0]);
  expect([slab.encode("é".repeat(6), 20), slab.end]).toEqual([0, 0]);
  expect([slab.encode("é".repeat(3), 6), text(slab.view(0, 6))]).toEqual([6, "ééé"]);
});

test("the rest is memory that no frame and no slot is in", () => {
  const slab = new Slab(new Uint8Array(20), 0, 1);
  for (const frame of ["one", "two"]) slab.encode(frame, 20);
  slab.rest().fill(120);
  expect([slab.rest().length, text(slab.view(0, 6)), slab.address(2)]).toEqual([10, "onetwo", 3]);
});
