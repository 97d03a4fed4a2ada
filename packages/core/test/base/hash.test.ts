import fc from "fast-check";
import { expect, test } from "vitest";
import { hash53 } from "../../src/base/hash.ts";

test.each([
  ["", 3_338_908_027_751_811],
  ["a", 7_929_297_801_672_961],
  ["b", 8_684_336_938_537_663],
  ["revenge", 4_051_478_007_546_757],
  ["revenue", 8_309_097_637_345_594],
])("the hash of %j is %i: ids that clients have depend on it", (text, hash) => {
  expect(hash53(text)).toBe(hash);
});

/** Any UTF-16 code units, lone surrogates included. `unit: "binary"` of fast-check takes seconds to set up. */
const anyString = fc
  .array(fc.nat({ max: 0xffff }), { maxLength: 200 })
  .map((units) => String.fromCharCode(...units));

test("a hash is a non-negative integer of 53 bits, and depends only on the text", () => {
  fc.assert(
    fc.property(anyString, (text) => {
      const hash = hash53(text);
      expect(Number.isSafeInteger(hash)).toBe(true);
      expect(hash).toBeGreaterThanOrEqual(0);
      expect(hash53(`${text}`)).toBe(hash);
    }),
  );
});

test("each of the 53 bits is set about half of the time", () => {
  const ones = new Array<number>(53).fill(0);
  for (let n = 0; n < 2_000; n++) {
    const bits = hash53(`job ${n}`).toString(2).padStart(53, "0");
    for (const [index, bit] of Array.from(bits).entries()) ones[index] = (ones[index] ?? 0) + Number(bit);
  }
  // 1,000 expected, with a standard deviation of 22.
  expect(Math.min(...ones)).toBeGreaterThan(850);
  expect(Math.max(...ones)).toBeLessThan(1_150);
});

test("texts that differ in one word or one character have different hashes", () => {
  const base = "data: The quick brown fox jumps over the lazy dog.\n\n";
  const texts = new Set([base]);
  for (let n = 0; n < 20_000; n++) texts.add(base.replace("quick", String(n)));
  for (let index = 0; index < base.length; index++) {
    for (let unit = 32; unit < 127; unit++) {
      texts.add(base.slice(0, index) + String.fromCharCode(unit) + base.slice(index + 1));
    }
    texts.add(base.slice(0, index) + base.slice(index + 1));
    texts.add(`${base.slice(0, index)} ${base.slice(index)}`);
  }
  expect(new Set(Array.from(texts, hash53)).size).toBe(texts.size);
});
