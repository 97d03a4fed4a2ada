import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBlockReader } from "../../src/stream/block-reader.ts";
import { createFakeServer } from "../support/fake-server.ts";
import { event, follow } from "../support/follow.ts";

/** Reads text in pieces, and returns what is reported. */
function read(pieces: readonly (string | Uint8Array)[], limit = 1_000): unknown[] {
  const reported: unknown[] = [];
  const feed = createBlockReader(limit, {
    onId: (id) => reported.push(["id", id]),
    onEvent: (...event) => reported.push(["event", ...event]),
    onComment: () => reported.push("comment"),
    onRetry: (ms) => reported.push(["retry", ms]),
    onError: () => reported.push("too large"),
  });
  for (const piece of pieces) feed(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  return reported;
}

describe("a block is reported", () => {
  test("when its blank line has arrived, with its id first", () => {
    expect(read(["event: tick\nid: 7\nda", "ta: one\ndata: two\n"])).toEqual([]);
    expect(read(["event: tick\nid: 7\nda", "ta: one\ndata: two\n", "\n"])).toEqual([
      ["id", "7"],
      ["event", "tick", "one\ntwo", "7"],
    ]);
  });

  test("as an event named `message` if it has no name", () => {
    expect(read(["data: a\n\n"])).toEqual([["event", "message", "a", undefined]]);
  });

  test("without an event if it has no data", () => {
    expect(read(["event: tick\nid: 7\n\n", ": beat\n\n", "retry: 40\n\n"])).toEqual([
      ["id", "7"],
      "comment",
      ["retry", 40],
    ]);
  });

  test("with characters that are split between pieces", () => {
    const bytes = new TextEncoder().encode("data: 🐎\n\n");
    const reported: unknown[] = [];
    const ignore = (): void => undefined;
    const feed = createBlockReader(1_000, {
      onId: ignore,
      onEvent: (_event, data) => reported.push(data),
      onComment: ignore,
      onRetry: ignore,
      onError: ignore,
    });
    for (const byte of bytes) feed(Uint8Array.of(byte));
    expect(reported).toEqual(["🐎"]);
  });

  test("at a blank line behind a CRLF that is split between pieces", () => {
    expect(read(["id: 7\r", "\n", "\n"])).toEqual([["id", "7"]]);
    expect(read(["id: 7\r", "", "\n", "", "\r", "\n"])).toEqual([["id", "7"]]);
  });

  test("as too large if a line or an event is over the limit", () => {
    expect(read([":".repeat(21)], 20)).toContain("too large");
    expect(read(["data: ", "x".repeat(21)], 20)).toContain("too large");
    expect(read([`data: ${"x".repeat(21)}\n\n`], 20)).toContain("too large");
    expect(read(["data: short\n\n"], 20)).not.toContain("too large");
  });
});

test("the same is reported as by eventsource-parser, however the bytes are cut", () => {
  const fields = ["id: 7", "id", "id: a\0b", "event: e", "event:", "data: d", "data", "data:  é", "datum: x"];
  const others = [":c", "junk", "retry: 5", "retry: 5s", "retry", "\u{feff}data: 🐎", ""];
  const line = fc.constantFrom(...fields, ...others);
  const text = fc
    .array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n")), { maxLength: 30 })
    .map((lines) => lines.flat().join(""));
  // A CR at the very end may be the first half of a CRLF, for which eventsource-parser waits.
  const stream = text.map((lines) => `${lines}:end\n`);
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(stream, sizes, (lines, chunks) => {
      const expected: unknown[] = [];
      const parser = createParser({
        onId: (id) => expected.push(["id", id]),
        onEvent: ({ id, event = "message", data }) => expected.push(["event", event, data, id]),
        onComment: () => expected.push("comment"),
        onRetry: (ms) => expected.push(["retry", ms]),
      });
      parser.feed(lines);
      const bytes = new TextEncoder().encode(lines);
      const pieces: Uint8Array[] = [];
      for (let at = 0, n = 0; at < bytes.length; n++) {
        const size = chunks[n % chunks.length] ?? 1;
        pieces.push(bytes.subarray(at, at + size), new Uint8Array());
        at += size;
      }
      expect(read(pieces)).toEqual(expected);
    }),
  );
});

test("one byte order mark is stripped at the start of a response", async () => {
  const server = createFakeServer();
  const { messages } = await follow(server);
  server.last.open(`\u{feff}${event("\u{feff}a")}`).end();
  await server.clock.advance(1_000);
  server.last.open(`\u{feff}\u{feff}${event("no field")}${event("b")}`);
  await server.clock.flush();
  expect(messages.map(({ data }) => data)).toEqual(["\u{feff}a", "b"]);
});

describe("a line or an event that is too large is a failure", () => {
  const limit = { maxEventSize: 100 };

  test.each([
    ["a line without an end", ["data: ", ...Array<string>(200).fill("x")]],
    ["a line that is no field", [...Array<string>(200).fill("x")]],
    ["a comment", [":", ...Array<string>(200).fill("x")]],
    ["an id", ["id: ", ...Array<string>(200).fill("x")]],
    ["an event of many lines", Array.from({ length: 60 }, () => "data: x\n")],
    ["an event in one piece", [event("x".repeat(101))]],
    ["a name", [event("x", undefined, "n".repeat(101))]],
  ])("%s", async (_what, pieces) => {
    const server = createFakeServer();
    const followed = await follow(server, limit);
    server.last.open();
    for (const piece of pieces) server.last.send(piece);
    await server.clock.flush();
    expect(followed.ended).toMatchObject({ reason: "too-large", message: "Over 100 characters." });
    expect(server.last.isOver).toBe(true);
  });

  test("after the events before it are delivered", async () => {
    const server = createFakeServer();
    const followed = await follow(server, limit);
    server.last.open(event("a") + event("x".repeat(101)) + event("after"));
    await server.clock.flush();
    expect(followed.messages.map(({ data }) => data)).toEqual(["a"]);
    expect(followed.ended).toMatchObject({ reason: "too-large" });
  });

  test("but not if it just fits", async () => {
    const server = createFakeServer();
    const followed = await follow(server, limit);
    server.last.open(event("x".repeat(93)) + event("y".repeat(93)) + `:${"z".repeat(98)}\n\n`);
    await server.clock.flush();
    expect(followed.messages).toHaveLength(2);
    expect(followed.ended).toBeUndefined();
  });
});
