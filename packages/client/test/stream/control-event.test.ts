import { expect, test } from "vitest";
import { readFields } from "../../src/stream/control-event.ts";

test("a control event has the fields of its JSON", () => {
  expect(readFields(`{"reason":"trimmed","lost":[2,4]}`)).toEqual({ reason: "trimmed", lost: [2, 4] });
});

test.each(["", "not JSON", "null", "7"])("%j has no fields", (data) => {
  expect(readFields(data)).toEqual({});
});
