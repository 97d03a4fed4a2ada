import { expect, test } from "vitest";
import { check, checkCount, checkDelay, checkDuration, checkOneOf } from "../../src/base/validate.ts";
import { HoldfastError } from "../../src/base/errors.ts";

/** Clients never see it: it is a mistake of the application. */
const invalid = (message: string): HoldfastError =>
  new HoldfastError("INVALID_OPTION", message, { expose: false });

test("valid values are accepted", () => {
  check(true, "clock", "a Clock", undefined);
  checkDuration("heartbeat", 0.5);
  checkDuration("heartbeat", Infinity);
  checkDelay("linger", 0);
  checkDelay("linger", Infinity);
  checkCount("events", 1);
  checkCount("events", Infinity);
  checkOneOf("from", "now", ["start", "now"]);
  expect.assertions(0);
});

test.each([
  ["text", '"text"'],
  ['say "hi"\n', String.raw`"say \"hi\"\n"`],
  ["x".repeat(1_000), `"${"x".repeat(64)}…"`],
  [undefined, "undefined"],
  [null, "null"],
  [NaN, "NaN"],
  [1n, "1"],
  [Symbol("s"), "Symbol(s)"],
  [{ secret: 1 }, "[object Object]"],
  [Object.create(null), "[object Object]"],
  [[1, 2], "[object Array]"],
  [new Date(0), "[object Date]"],
  [() => "its source text", "a function"],
])("an error says what was expected, and shows the value: %#", (value, shown) => {
  expect(() => check(false, "clock", "a Clock", value)).toThrow(
    invalid(`\`clock\` must be a Clock, got ${shown}.`),
  );
});

test.each([0, -1, NaN, "5" as never, undefined as never, null as never, 5n as never])(
  "a duration is a positive number, not %s",
  (value) => {
    expect(() => checkDuration("heartbeat", value)).toThrow(
      "`heartbeat` must be a positive number of milliseconds, got ",
    );
  },
);

test.each([-1, NaN, "0" as never, undefined as never])("a delay is a number from 0 on, not %s", (value) => {
  expect(() => checkDelay("linger", value)).toThrow("`linger` must be a number of milliseconds, or 0, got ");
});

test.each([0, -1, 1.5, NaN, -Infinity, "5" as never, undefined as never])(
  "a count is a positive integer, not %s",
  (value) => {
    expect(() => checkCount("events", value)).toThrow("`events` must be a positive integer, got ");
  },
);

test("an error of `checkOneOf` names the allowed values", () => {
  expect(() => checkOneOf("from", "end", ["start", "now"])).toThrow(
    invalid('`from` must be "start" or "now", got "end".'),
  );
});
