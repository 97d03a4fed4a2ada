import { describe, expect, test } from "vitest";
import { exponentialBackoff, standardBackoff } from "../../src/retry/backoff.ts";

describe("exponential back-off", () => {
  const backoff = exponentialBackoff({ base: 100, cap: 1_000, factor: 3 });

  test("grows from the base to the cap", () => {
    const almostOne = 1 - Number.EPSILON;
    const delays = [1, 2, 3, 4, 100].map((failures) => Math.round(backoff(failures, undefined, almostOne)));
    expect(delays).toEqual([100, 300, 900, 1_000, 1_000]);
  });

  test("has jitter, which takes up to a half away", () => {
    const delays = [0, 0.25, 0.499, 0.5, 0.75].map((random) => backoff(2, undefined, random));
    expect(delays.map(Math.round)).toEqual([150, 225, 300, 150, 225]);
  });

  test("is never shorter than what the server asked for, with up to a fifth added", () => {
    expect([0, 0.5].map((random) => backoff(1, 5_000, random))).toEqual([5_000, 5_500]);
  });

  test("is what the server asked for if nothing has failed", () => {
    expect(backoff(0, 10, 0.5)).toBe(11);
  });

  test("limits what a server can ask for to two minutes", () => {
    expect(backoff(0, 1e12, 0)).toBe(120_000);
  });

  test("is 0 with a base of 0, also when the power overflows", () => {
    expect(exponentialBackoff({ base: 0 })(10_000, undefined, 0.5)).toBe(0);
  });

  test.each([{ base: -1 }, { base: 10, cap: 1 }, { factor: 0.5 }, { base: Number.NaN }])(
    "refuses %j",
    (options) => {
      expect(() => exponentialBackoff(options)).toThrow(TypeError);
    },
  );
});

test("the standard's back-off is constant: the reconnection time of the server, or 3 s", () => {
  expect([1, 2, 3].map((failures) => standardBackoff(failures, 700, 0.5))).toEqual([700, 700, 700]);
  expect(standardBackoff(9, undefined, 0.5)).toBe(3_000);
});
