import { expect, test } from "vitest";
import { toJson } from "../../src/protocol/json-data.ts";

const circular: Record<string, unknown> = { list: [{}] };
(circular["list"] as Record<string, unknown>[])[0]!["back"] = circular;
const itself: unknown[] = [];
itself.push(itself);

test.each([
  ["a BigInt", 1n, "`data` cannot be serialised as JSON: `data` is a BigInt. Send it as a string."],
  ["a BigInt inside", { a: [{}, { "b c": 1n }] }, '`data.a[1]["b c"]` is a BigInt.'],
  ["a BigInt that `toJSON` returns", { at: { toJSON: () => ({ ns: 1n }) } }, "`data.at.ns` is a BigInt."],
  ["a circle", circular, "`data.list[0].back` is circular, it is `data` again. Leave it out."],
  ["an array in itself", { itself }, "`data.itself[0]` is circular, it is `data.itself` again."],
])("the error of %s has its path", (_, data, message) => {
  expect(() => toJson(data)).toThrow(
    expect.objectContaining({ code: "INVALID_EVENT", message: expect.stringContaining(message) }),
  );
});

test("one object at two places is not a circle, and is searched once", () => {
  let shared: unknown = {};
  for (let depth = 0; depth < 60; depth++) shared = [shared, shared];
  expect(() => toJson({ amount: 1n, shared })).toThrow("`data.amount` is a BigInt");
  expect(() => toJson({ ...Object(circular), list: [1n] })).toThrow("`data.list[0]` is a BigInt");
});

test("what cannot be searched has the error of JSON.stringify as the cause", () => {
  const cause = new Error("no");
  const data = {
    get broken(): never {
      throw cause;
    },
  };
  expect(() => toJson(data)).toThrow(
    expect.objectContaining({ message: "`data` cannot be serialised as JSON.", cause }),
  );
});
