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

/** Text as a client has it: a line end is a line end. */
const received = (value: string): string => lines(value).join("\n");
const receivedData = (data: unknown): string => {
  if (data === undefined) return "";
  return typeof data === "string" ? received(data) : JSON.stringify(data);
};

const userName = anyLine.filter((name) => !name.startsWith("stream."));
const anyEvent: fc.Arbitrary<SseEvent> = fc.record(
  {
    comment: anyText,
    event: userName,
    id: anyLine,
    retry: fc.oneof(fc.nat({ max: 3 }), fc.maxSafeNat()),
    data: fc.oneof(anyText, fc.jsonValue(), fc.constant(undefined)),
  },
  { requiredKeys: [] },
);

/** A refusal quotes what came, so clients are not shown it. */
const refused = expect.objectContaining({ name: "HoldfastError", code: "INVALID_EVENT", expose: false });
const refuses = (event: unknown): void => {
  expect(() => encodeEvent(event as SseEvent)).toThrow(refused);
};

test("any events survive, in order, with heartbeats between them, for any chunking of their bytes", () => {
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

test("JSON comes back as the value that it was", () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(anyText, anyText)), (value) => {
      const [event] = parse(encodeEvent({ data: value })).events;
      const data: unknown = typeof value === "string" ? event?.data : JSON.parse(event?.data ?? "");
      expect(data).toEqual(typeof value === "string" ? received(value) : JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("whatever comes, it is one whole event or refused as INVALID_EVENT", () => {
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
        expect(error).toEqual(refused);
        return;
      }
      expect(parse(bytes).events).toHaveLength(1);
    }),
    { numRuns: 1_000 },
  );
});

test.each<[string, SseEvent, string]>([
  [
    "every field in its order",
    { data: "x", retry: 5, id: "7", event: "token", comment: "hi" },
    ": hi\nevent: token\nid: 7\nretry: 5\ndata: x\n\n",
  ],
  [
    "a line of data for each line",
    { data: "a\nb\r\nc\rd\n" },
    "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n",
  ],
  [
    "the space always, also before a space",
    { event: "", id: " 1", data: " x" },
    "event: \nid:  1\ndata:  x\n\n",
  ],
  ["no data as one empty line", {}, "data: \n\n"],
  ["undefined data as one empty line", { data: undefined }, "data: \n\n"],
  ["empty data as one empty line", { data: "" }, "data: \n\n"],
  ["null as JSON", { data: null }, "data: null\n\n"],
  ["an array as JSON, not concatFrames by commas", { data: ["a", "b"] }, 'data: ["a","b"]\n\n'],
  ["line ends inside JSON escaped", { data: { text: "a\nb" } }, String.raw`data: {"text":"a\nb"}` + "\n\n"],
  ["an empty id, which resets the client's", { id: "" }, "id: \ndata: \n\n"],
  ["a retry of 0", { retry: 0 }, "retry: 0\ndata: \n\n"],
  ["a comment of several lines", { comment: "a\nb\n" }, ": a\n: b\n: \ndata: \n\n"],
  ["a NUL in data, which is no line end", { data: "a\0b" }, "data: a\0b\n\n"],
  ["U+2028 and U+0085, which are no line ends", { data: "a\u2028b\u0085c" }, "data: a\u2028b\u0085c\n\n"],
  ["a byte order mark", { data: "\ufeffx" }, "data: \ufeffx\n\n"],
  ["a name that only resembles a reserved one", { event: "streams" }, "event: streams\ndata: \n\n"],
  ["the name `error`, which is the users'", { event: "error" }, "event: error\ndata: \n\n"],
])("%s", (_, event, written) => {
  expect(text(encodeEvent(event))).toBe(written);
});

test("CR, LF or NUL anywhere in a name or an id is refused, never repaired", () => {
  fc.assert(
    fc.property(anyLine, fc.constantFrom("\r", "\n", "\r\n", "\0"), anyLine, (before, injected, after) => {
      refuses({ event: before + injected + after });
      refuses({ id: before + injected + after });
    }),
  );
  refuses({ event: "a\ndata: forged" });
  refuses({ id: "1\r\rdata: forged\n\n" });
});

test.each([-1, 1.5, NaN, Infinity, 2 ** 53, "1", "1\ndata: forged", null, 1n, {}, Object.create(null)])(
  "a retry of %s is refused",
  (retry) => {
    refuses({ retry });
  },
);

test.each([5, null, {}, ["a"], true, Symbol("s")])("%s is no text for a field", (value) => {
  refuses({ event: value });
  refuses({ id: value });
  refuses({ comment: value });
});

test.each([undefined, null, "hello", 5, Symbol("s"), () => ({ data: 1 })])("%s is no event", (event) => {
  refuses(event);
});

const cyclic: Record<string, unknown> = {};
cyclic["itself"] = cyclic;

test.each<[string, unknown]>([
  ["a BigInt", 1n],
  ["a BigInt inside", { a: [1n] }],
  ["a cycle", cyclic],
  ["a function", () => 1],
  ["a symbol", Symbol("s")],
  ["what says that it is nothing", { toJSON: () => undefined }],
])("data that JSON cannot hold is refused: %s", (_, data) => {
  refuses({ data });
});

test("what JSON had to say is kept as the cause", () => {
  const cause = new Error("not now");
  const data = {
    toJSON() {
      throw cause;
    },
  };
  expect(() => encodeEvent({ data })).toThrow(expect.objectContaining({ code: "INVALID_EVENT", cause }));
});

test("half a character is refused wherever UTF-8 cannot hold it, and escaped in JSON", () => {
  fc.assert(
    fc.property(brokenText, (broken) => {
      refuses({ event: broken });
      refuses({ id: broken });
      refuses({ data: broken });
      refuses({ comment: broken });
      expect(() => encodeComment(broken)).toThrow(refused);
      const [event] = parse(encodeEvent({ data: { broken } })).events;
      expect(JSON.parse(event?.data ?? "")).toEqual({ broken });
    }),
  );
});

test("every name that begins with `stream.` is reserved", () => {
  fc.assert(
    fc.property(anyLine, (rest) => {
      refuses({ event: `stream.${rest}` });
    }),
  );
});

test("an event of a stream has the stream's id, whatever id it came with", () => {
  expect(eventText({ id: "forged\n", data: "x" }, "aaaaaaaaaa.1")).toBe("id: aaaaaaaaaa.1\ndata: x\n\n");
});

test("a heartbeat is one colon, a comment one line for each of its lines", () => {
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
  expect(controlText({ event: "stream.open", id: "a.0", retry: 1_000, data: {} }, true)).toBe(
    "event: stream.open\nid: a.0\nretry: 1000\ndata: {}\n\n",
  );
});

test("a control event that must not be dispatched is only its id and its retry, or nothing at all", () => {
  expect(controlText({ event: "stream.open", id: "a.0", retry: 1, data: {} }, false)).toBe(
    "id: a.0\nretry: 1\n\n",
  );
  expect(controlText({ event: "stream.end", id: "a.0.end", data: {} }, false)).toBe("id: a.0.end\n\n");
  expect(controlText({ event: "stream.drain", retry: 0, comment: "bye", data: {} }, false)).toBe(
    "retry: 0\n\n",
  );
  expect(controlText({ event: "stream.live", data: {} }, false)).toBe("");
  fc.assert(
    fc.property(anyEvent, (event) => {
      const parsed = parse(new TextEncoder().encode(controlText(event, false)));
      const { retry } = event;
      expect(parsed).toEqual({ events: [], comments: [], retries: retry === undefined ? [] : [retry] });
    }),
  );
});

test("a refusal says what was expected and what came", () => {
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
      expect(text(withId(encodeEvent(event), "abc.1"))).toBe(text(encodeEvent({ ...event, id: "abc.1" })));
    }),
  );
});
