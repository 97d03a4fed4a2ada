import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Block, createBlockParser } from "../../src/wire/block-parser.ts";

/** Parses a text whose bytes arrive in chunks of these sizes, repeated. */
function parse(text: string, sizes: readonly number[]): Block[] {
  const bytes = new TextEncoder().encode(text);
  const read = createBlockParser();
  const blocks: Block[] = [];
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    blocks.push(...read(bytes.subarray(at, at + size)));
    at += size;
  }
  return blocks;
}

test("reads what the standard's examples say", () => {
  expect(
    parse(
      ": comment\n\nid: 1\nevent: a\ndata: one\ndata:two\n\ndata\n\nid: 2\n\nid\ndata:  x\n\ndata: cut",
      [7],
    ),
  ).toEqual([
    { id: "1", event: "a", data: "one\ntwo" },
    { id: undefined, event: "message", data: "" },
    { id: "2", event: "message", data: undefined },
    { id: "", event: "message", data: " x" },
  ]);
});

test("ignores an id with NUL, and one byte order mark", () => {
  expect(parse("\uFEFFid: a\0b\ndata: x\n\n", [1])).toEqual([{ id: undefined, event: "message", data: "x" }]);
});

test("finds the same events as eventsource-parser, however the bytes are cut", () => {
  const line = fc.constantFrom(
    "id: 7",
    "id",
    "event: e",
    "event:",
    "data: d",
    "data",
    "data:  é",
    ":c",
    "junk",
    "retry: 5",
    "",
  );
  const text = fc
    .array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n")), { maxLength: 30 })
    .map((lines) => lines.flat().join(""));
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(text, sizes, (stream, chunks) => {
      const expected: unknown[] = [];
      const parser = createParser({
        onEvent: ({ id, event = "message", data }) => expected.push({ id, event: event || "message", data }),
      });
      parser.feed(stream);
      const events = parse(stream, chunks).filter(({ data }) => data !== undefined);
      // A CR at the very end may be the first half of a CRLF, for which eventsource-parser waits.
      if (!stream.endsWith("\r")) expect(events).toEqual(expected);
    }),
  );
});
