import fc from "fast-check";
import { expect, test } from "vitest";
import { hash53 } from "../../src/base/hash.ts";

test.each([
  ["", 3_338_908_027_751_811],
  ["a", 7_929_297_801_672_961],
  ["b", 8_684_336_938_537_663],
  ["revenge", 4_051_478_007_546_757],
  ["revenue", 8_309_097_637_345_594],
])("the hash of %j is %i on every machine: ids that are out there depend on it", (text, hash) => {
  expect(hash53(text)).toBe(hash);
});

test("is an integer of 53 bits", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      const hash = hash53(text);
      expect(Number.isSafeInteger(hash)).toBe(true);
      expect(hash).toBeGreaterThanOrEqual(0);
      expect(hash53(`${text}`)).toBe(hash);
    }),
  );
});

test("uses all of its bits", () => {
  const ones = new Array<number>(53).fill(0);
  for (let n = 0; n < 2_000; n++) {
    const bits = hash53(`job ${n}`).toString(2).padStart(53, "0");
    for (const [place, bit] of Array.from(bits).entries()) ones[place] = (ones[place] ?? 0) + Number(bit);
  }
  // 1,000 expected, with a standard deviation of 22.
  expect(Math.min(...ones)).toBeGreaterThan(850);
  expect(Math.max(...ones)).toBeLessThan(1_150);
});

test("tells contents apart that differ in little", () => {
  const base = "data: The quick brown fox jumps over the lazy dog.\n\n";
  const texts = new Set([base]);
  for (let n = 0; n < 20_000; n++) texts.add(base.replace("quick", String(n)));
  for (let place = 0; place < base.length; place++) {
    for (let unit = 32; unit < 127; unit++) {
      texts.add(base.slice(0, place) + String.fromCharCode(unit) + base.slice(place + 1));
    }
    texts.add(base.slice(0, place) + base.slice(place + 1));
    texts.add(`${base.slice(0, place)} ${base.slice(place)}`);
  }
  expect(new Set(Array.from(texts, hash53)).size).toBe(texts.size);
});
