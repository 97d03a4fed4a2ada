import { expect, test } from "vitest";
import { z } from "zod";
import { decode, json, text } from "../../src/contract/decoder.ts";

test("`text` and `json` decode to text and JSON", async () => {
  expect(await decode(text, "7")).toBe("7");
  expect(await decode(json<number>(), "7")).toBe(7);
});

test("a function may be asynchronous", async () => {
  expect(await decode(async (data) => data.length, "four")).toBe(4);
});

test("a schema validates the parsed JSON, and may transform it", async () => {
  const schema = z.object({ at: z.coerce.date() });
  expect(await decode(schema, `{"at":"2026-01-01"}`)).toEqual({ at: new Date("2026-01-01") });
});

test("data that a schema rejects is a TypeError with all of its messages", async () => {
  const schema = z.object({ words: z.number(), name: z.string() });
  const error = await decode(schema, `{"words":"many"}`).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TypeError);
  expect((error as TypeError).message).toMatch(/number.*; .*string/);
});

test("data that is no JSON is an error", async () => {
  await expect(decode(z.number(), "seven")).rejects.toThrow(SyntaxError);
  await expect(decode(async (data) => json()(data), "seven")).rejects.toThrow(SyntaxError);
});

test("a string goes over the wire as it is, and a schema reads it as a string", async () => {
  for (const data of ["a", "7", "null", "", `{"a":1}`, `"quoted"`.slice(1)]) {
    expect(await decode(z.string(), data)).toBe(data);
  }
});

test("no data is `undefined` to a schema", async () => {
  expect(await decode(z.undefined(), "")).toBeUndefined();
});

test("a schema that can be called is asked as a schema", async () => {
  const callable = Object.assign(() => "called", { "~standard": z.number()["~standard"] });
  expect(await decode(callable, "7")).toBe(7);
});
