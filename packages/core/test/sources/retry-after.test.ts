import { expect, test } from "vitest";
import { retryAfter } from "../../src/sources/retry-after.ts";

const SENT = { date: "Tue, 01 Dec 2026 12:00:00 GMT" };

test.each<[string, Record<string, string>, number | undefined]>([
  ["seconds", { "retry-after": "20" }, 20_000],
  ["0", { "retry-after": "0" }, 0],
  ["a fraction of a second", { "retry-after": "0.25" }, 250],
  ["milliseconds beside seconds", { "retry-after": "2", "retry-after-ms": "1234.5" }, 1_235],
  ["a date, by the clock of the server", { ...SENT, "retry-after": "Tue, 01 Dec 2026 12:01:30 GMT" }, 90_000],
  ["a date that is over", { ...SENT, "retry-after": "Tue, 01 Dec 2026 11:00:00 GMT" }, 0],
  ["more than a timer can wait", { "retry-after": "99999999999999" }, 2 ** 31 - 1],
  ["no header", {}, undefined],
  ["anything else", { "retry-after": "soon", "retry-after-ms": "-5" }, undefined],
])("the delay is the one of the response: %s", (_, headers, ms) => {
  expect(retryAfter(new Headers(headers))).toBe(ms);
});

test("without the server's time, a date is compared with ours", () => {
  const inOneHour = new Date(Date.now() + 3_600_000).toUTCString();
  const delay = retryAfter(new Headers({ "retry-after": inOneHour }));
  expect(delay).toBeGreaterThan(3_000_000);
  expect(delay).toBeLessThanOrEqual(3_600_000);
});
