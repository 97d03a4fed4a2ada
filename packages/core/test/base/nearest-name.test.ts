import { expect, test } from "vitest";
import { editDistance, nearestName } from "../../src/base/nearest-name.ts";

test.each([
  ["heartbeat", "heartbeat", 0],
  ["heartBeat", "heartbeat", 0],
  ["form", "from", 1],
  ["hartbeat", "heartbeat", 1],
  ["heartbeats", "heartbeat", 1],
  ["waid", "wait", 1],
  ["faild", "failed", 1],
  ["onFailed", "failed", 2],
  ["", "wait", 4],
])("from %s to %s it takes %d edits", (from, to, edits) => {
  expect(editDistance(from, to)).toBe(edits);
  expect(editDistance(to, from)).toBe(edits);
});

test("the nearest name is the first of those that take the fewest edits, within the limit", () => {
  expect(nearestName("pushd", ["reset", "pushed"])).toBe("pushed");
  expect(nearestName("ab", ["ax", "ay"])).toBe("ax");
  expect(nearestName("log", ["pushed"], 2)).toBeUndefined();
  expect(nearestName("push", ["pushed"], 2)).toBe("pushed");
  expect(nearestName("push", [])).toBeUndefined();
});
