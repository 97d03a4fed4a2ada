import { expect, test } from "vitest";
import { z } from "zod";
import { decode, json, text } from "../../src/stream/decoder.ts";

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
