import { expect, test } from "vitest";
import { CallLimit } from "../../src/base/call-limit.ts";

test("calls beyond the limit start in order, each when another one leaves", () => {
  const limit = new CallLimit(2);
  const started: string[] = [];
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => limit.enter(() => void started.push(name)));
  expect(started).toEqual(["a", "b"]);
  b?.();
  b?.();
  expect(started).toEqual(["a", "b", "c"]);
  a?.();
  expect(started).toEqual(["a", "b", "c", "d"]);
  for (const leave of [a, b, c, d]) leave?.();
  limit.enter(() => void started.push("e"));
  expect(started.at(-1)).toBe("e");
});

test("a call that leaves the line never starts", () => {
  const limit = new CallLimit(1);
  const started: string[] = [];
  const [a, b] = ["a", "b"].map((name) => limit.enter(() => void started.push(name)));
  b?.();
  a?.();
  expect(started).toEqual(["a"]);
});
