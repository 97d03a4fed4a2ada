import fc from "fast-check";
import { expect, test } from "vitest";
import {
  controlText,
  encodeComment,
  encodeEvent,
  eventText,
  HEARTBEAT,
  withId,
} from "../../src/protocol/encode.ts";
import { HoldfastError } from "../../src/base/errors.ts";
import type { SseEvent } from "../../src/protocol/event.ts";
import { anyCuts, cut, parse } from "../support/parse.ts";
import { anyLine, anyText, brokenText } from "../support/text.ts";

const text = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const lines = (value: string): string[] => value.split(/\r\n|\r|\n/);

/** Text as a client gets it, where every line end is LF. */
const received = (value: string): string => lines(value).join("\n");
const receivedData = (data: unknown): string => {
  if (data === undefined) return "";
  return typeof data === "string" ? received(data) : JSON.stringify(data);
};

const userName = anyLine.filter((name) => !name.startsWith("stream."));
const anyEvent: fc.Arbitrary<SseEvent> = fc
  .record(
    {
      comment: anyText,
      event: userName,
      id: anyLine,
      retry: fc.oneof(fc.nat({ max: 3 }), fc.maxSafeNat()),
      data: fc.oneof(anyText, fc.jsonValue(), fc.constant(undefined)),
    },
    { requiredKeys: [] },
  )
  .filter((event) => Object.keys(event).length > 0);

/** Not exposed, because the message quotes the value. */
const invalidEvent = expect.objectContaining({ name: "HoldfastError", code: "INVALID_EVENT", expose: false });
const expectInvalid = (event: unknown): void => {
  expect(() => encodeEvent(event as SseEvent)).toThrow(invalidEvent);
};

test("any events are parsed again as they were, in order, with heartbeats between them and any split into chunks", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 5 }), anyCuts, (events, cuts) => {
      const bytes = Buffer.concat(events.flatMap((event) => [encodeEvent(event), HEARTBEAT]));
      const parsed = parse(...cut(bytes, cuts));
      expect(parsed.events).toEqual(
        events.map(({ id, event, data }) => ({ id, event: event || "message", data: receivedData(data) })),
      );
      expect(parsed.comments).toEqual(
        events.flatMap(({ comment }) => [...(comment === undefined ? [] : lines(comment)), ""]),
      );
      expect(parsed.retries).toEqual(events.flatMap(({ retry }) => retry ?? []));
    }),
    { numRuns: 500 },
  );
});

test("data that goes out as JSON is parsed as the same value", () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(anyText, anyText)), (value) => {
      const [event] = parse(encodeEvent({ data: value })).events;
      const data: unknown = typeof value === "string" ? event?.data : JSON.parse(event?.data ?? "");
      expect(data).toEqual(typeof value === "string" ? received(value) : JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("any value is encoded as one whole event, or is an INVALID_EVENT", () => {
  const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true });
  const almostAnEvent = fc.record(
    { comment: anything, event: anything, id: anything, retry: anything, data: anything },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof({ weight: 4, arbitrary: almostAnEvent }, anything), (event) => {
      let bytes: Uint8Array;
      try {
        bytes = encodeEvent(event as SseEvent);
      } catch (error) {
        expect(error).toEqual(invalidEvent);
        return;
      }
      expect(parse(bytes).events).toHaveLength(1);
    }),
    { numRuns: 1_000 },
  );
});

test.each<[string, SseEvent, string]>([
  [
    "all fields, in their order",
    { data: "x", retry: 5, id: "7", event: "token", comment: "hi" },
    ": hi\nevent: token\nid: 7\nretry: 5\ndata: x\n\n",
  ],
  [
    "a line of data for each line",
    { data: "a\nb\r\nc\rd\n" },
    "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n",
  ],
  [
    "a space after each colon, also before a space",
    { event: "", id: " 1", data: " x" },
    "event: \nid:  1\ndata:  x\n\n",
  ],
  ["no data as one empty line", { event: "" }, "event: \ndata: \n\n"],
  ["undefined data as one empty line", { data: undefined }, "data: \n\n"],
  ["empty data as one empty line", { data: "" }, "data: \n\n"],
  ["null as JSON", { data: null }, "data: null\n\n"],
  ["an array as JSON, not joined by commas", { data: ["a", "b"] }, 'data: ["a","b"]\n\n'],
  ["line ends inside JSON escaped", { data: { text: "a\nb" } }, String.raw`data: {"text":"a\nb"}` + "\n\n"],
  ["an empty id, which resets the client's cursor", { id: "" }, "id: \ndata: \n\n"],
  ["a retry of 0", { retry: 0 }, "retry: 0\ndata: \n\n"],
  ["a comment of several lines", { comment: "a\nb\n" }, ": a\n: b\n: \ndata: \n\n"],
  ["a NUL in data, which is no line end", { data: "a\0b" }, "data: a\0b\n\n"],
  ["U+2028 and U+0085, which are no line ends", { data: "a\u2028b\u0085c" }, "data: a\u2028b\u0085c\n\n"],
  ["a byte order mark", { data: "\ufeffx" }, "data: \ufeffx\n\n"],
  ["a name that only resembles a reserved one", { event: "streams" }, "event: streams\ndata: \n\n"],
  ["the name `error`, which is not reserved", { event: "error" }, "event: error\ndata: \n\n"],
])("%s", (_, event, written) => {
  expect(text(encodeEvent(event))).toBe(written);
});

test("CR, LF or NUL anywhere in a name or an id is an error", () => {
  fc.assert(
    fc.property(anyLine, fc.constantFrom("\r", "\n", "\r\n", "\0"), anyLine, (before, injected, after) => {
      expectInvalid({ event: before + injected + after });
      expectInvalid({ id: before + injected + after });
    }),
  );
  expectInvalid({ event: "a\ndata: forged" });
  expectInvalid({ id: "1\r\rdata: forged\n\n" });
});

test.each([-1, 1.5, NaN, Infinity, 2 ** 53, "1", "1\ndata: forged", null, 1n, {}, Object.create(null)])(
  "a retry of %s is an error",
  (retry) => {
    expectInvalid({ retry });
  },
);

test.each([5, null, {}, ["a"], true, Symbol("s")])("%s is an error as event, id or comment", (value) => {
  expectInvalid({ event: value });
  expectInvalid({ id: value });
  expectInvalid({ comment: value });
});

test.each([undefined, null, "hello", 5, Symbol("s"), () => ({ data: 1 })])("%s is not an event", (event) => {
  expectInvalid(event);
});

const cyclic: Record<string, unknown> = {};
cyclic["itself"] = cyclic;

test.each<[string, unknown]>([
  ["a BigInt", 1n],
  ["a BigInt inside", { a: [1n] }],
  ["a cycle", cyclic],
  ["a function", () => 1],
  ["a symbol", Symbol("s")],
  ["an object whose toJSON returns undefined", { toJSON: () => undefined }],
])("data that JSON cannot represent is an error: %s", (_, data) => {
  expectInvalid({ data });
});

test("the error of JSON.stringify is the cause", () => {
  const cause = new Error("from toJSON");
  const data = {
    toJSON() {
      throw cause;
    },
  };
  expect(() => encodeEvent({ data })).toThrow(expect.objectContaining({ code: "INVALID_EVENT", cause }));
});

test("a lone surrogate becomes U+FFFD in data and comments, is an error in names and ids, and is escaped in JSON", () => {
  fc.assert(
    fc.property(brokenText, (broken) => {
      const repaired = (broken as string & { toWellFormed(): string }).toWellFormed();
      expectInvalid({ event: broken });
      expectInvalid({ id: broken });
      const parsed = parse(encodeEvent({ comment: broken, data: broken }));
      expect(parsed.events.map(({ data }) => data)).toEqual([received(repaired)]);
      expect(parsed.comments).toEqual(lines(repaired));
      expect(parse(encodeComment(broken)).comments).toEqual(lines(repaired));
      const [event] = parse(encodeEvent({ data: { broken } })).events;
      expect(JSON.parse(event?.data ?? "")).toEqual({ broken });
    }),
  );
});

test("every name that begins with `stream.` is an error", () => {
  fc.assert(
    fc.property(anyLine, (rest) => {
      expectInvalid({ event: `stream.${rest}` });
    }),
  );
});

test("the id of the stream replaces the id of the event", () => {
  expect(eventText({ id: "forged\n", data: "x" }, "aaaaaaaaaa.1")).toBe("id: aaaaaaaaaa.1\ndata: x\n\n");
});

test("a heartbeat is a colon, and a comment has one line for each line of its text", () => {
  expect(text(HEARTBEAT)).toBe(":\n\n");
  expect(text(encodeComment())).toBe(":\n\n");
  expect(text(encodeComment(""))).toBe(": \n\n");
  expect(text(encodeComment("a\r\nb\n\nc"))).toBe(": a\n: b\n: \n: c\n\n");
  fc.assert(
    fc.property(anyText, anyCuts, (comment, cuts) => {
      const bytes = encodeComment(comment);
      expect(parse(...cut(bytes, cuts))).toEqual({ events: [], retries: [], comments: lines(comment) });
    }),
  );
});

test("a control event may have a reserved name", () => {
  expect(controlText({ event: "stream.open", data: {} }, { id: "a.0", retry: 1_000 })).toBe(
    "event: stream.open\nid: a.0\nretry: 1000\ndata: {}\n\n",
  );
});

test("without dispatch a control event has only its id and retry, or is empty", () => {
  expect(controlText(undefined, { id: "a.0", retry: 1 })).toBe("id: a.0\nretry: 1\n\n");
  expect(controlText(undefined, { id: "a.0.end" })).toBe("id: a.0.end\n\n");
  expect(controlText(undefined, { retry: 0 })).toBe("retry: 0\n\n");
  expect(controlText(undefined, {})).toBe("");
  fc.assert(
    fc.property(fc.option(fc.nat(), { nil: undefined }), (retry) => {
      const parsed = parse(new TextEncoder().encode(controlText(undefined, { id: "a.1", retry })));
      expect(parsed).toEqual({ events: [], comments: [], retries: retry === undefined ? [] : [retry] });
    }),
  );
});

test("what replaces a control event must have no id and no retry of its own", () => {
  for (const event of [{ id: "1" }, { retry: 1 }, null, "done"]) {
    expect(() => controlText(event as never, { id: "a.1" })).toThrow(
      expect.objectContaining({ code: "INVALID_EVENT" }) as Error,
    );
  }
});

test("an error says what was expected and what the value was", () => {
  const message = (event: unknown): string => {
    try {
      return text(encodeEvent(event as SseEvent));
    } catch (error) {
      return (error as HoldfastError).message;
    }
  };
  expect(message("hello")).toBe("An event must be an object, got string.");
  expect(message({ event: "a\nb" })).toBe(
    String.raw`${"`event`"} must not contain CR, LF or NUL, got "a\nb".`,
  );
  expect(message({ id: 5 })).toBe("`id` must be a string, got number.");
  expect(message({ retry: -1 })).toBe("`retry` must be a non-negative integer, got -1.");
  expect(message({ retry: "1" })).toBe("`retry` must be a non-negative integer, got string.");
  expect(message({ event: "stream.end" })).toBe(
    'Event names that begin with "stream." are reserved, got "stream.end".',
  );
  expect(message({ data: () => 1 })).toBe("`data` cannot be serialised as JSON, got function.");
});

test("`withId` writes the id where the encoder would have written it", () => {
  const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.option(value, { nil: undefined });
  const anyEventWithoutId = fc.record({
    comment: optional(anyText),
    event: optional(anyLine.filter((name) => !name.startsWith("stream."))),
    retry: optional(fc.nat()),
    data: optional(anyText),
  });
  fc.assert(
    fc.property(anyEventWithoutId, (fields) => {
      const event = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
      // An event without any field is refused.
      fc.pre(Object.keys(event).length > 0);
      expect(text(withId(encodeEvent(event), "abc.1"))).toBe(text(encodeEvent({ ...event, id: "abc.1" })));
    }),
  );
});
