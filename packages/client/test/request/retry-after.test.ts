import { expect, test } from "vitest";
import { retryAfter } from "../../src/request/retry-after.ts";

const NOW = Date.UTC(2026, 0, 1);

test.each([
  ["17", 17_000],
  ["0.5", 500],
  [new Date(NOW + 40_000).toUTCString(), 40_000],
  ["0", undefined],
  ["-5", undefined],
  ["soon", undefined],
  ["", undefined],
  [new Date(NOW - 1_000).toUTCString(), undefined],
])("%j is %j", (value, expected) => {
  expect(retryAfter(new Headers({ "retry-after": value }), NOW)).toBe(expected);
});

test("a response without the header asks for nothing", () => {
  expect(retryAfter(new Headers(), NOW)).toBeUndefined();
});
