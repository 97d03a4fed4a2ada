import fc from "fast-check";
import { expect, test } from "vitest";
import { backoff } from "../../src/base/backoff.ts";

const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a delay is a random part of a bound that grows by the factor up to the cap", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 100_000 }),
      fc.integer({ min: 0, max: 100_000 }),
      fc.double({ min: 1, max: 10, noNaN: true }),
      fc.nat({ max: 5_000 }),
      anyRandom,
      (base, more, factor, attempt, random) => {
        const cap = base + more;
        let bound = base;
        for (let count = 0; count < attempt && bound < cap; count++) bound *= base === 0 ? 1 : factor;
        const delay = backoff({ base, cap, factor })(attempt, random);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeCloseTo(Math.min(bound, cap) * random, 5);
      },
    ),
  );
});

test("by default the bound is 1, 2, 4 and so on, up to 30 seconds", () => {
  const delay = backoff();
  expect([0, 1, 2, 3, 4, 5, 6].map((attempt) => delay(attempt, 0.5))).toEqual([
    500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000,
  ]);
});

test("no number of failures overflows the delay", () => {
  fc.assert(
    fc.property(fc.nat(), anyRandom, (attempt, random) => {
      const delay = backoff({ base: 1_000, cap: 30_000, factor: 10 })(attempt, random);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(30_000);
    }),
  );
  expect(backoff({ base: 0 })(5_000, 0.5)).toBe(0);
});

test.each([
  { base: -1 },
  { base: NaN },
  { base: "5" as never },
  { base: 2_000, cap: 1_000 },
  { cap: NaN },
  { cap: Infinity },
  { cap: "9" as never },
  { factor: 0.5 },
  { factor: Infinity },
  { factor: "2" as never },
])("%o is an invalid option", (options) => {
  expect(() => backoff(options)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
});
