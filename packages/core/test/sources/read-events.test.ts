import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { AnyEvents, SseEvent } from "../../src/protocol/event.ts";
import type { Observer } from "../../src/protocol/observer.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import type { Registry } from "../../src/registry/types.ts";
import { toResponse } from "../../src/connection/to-response.ts";
import type { BareSource } from "../../src/connection/source.ts";
import { openai } from "../../src/sources/profiles.ts";
import { type EventBody, readEvents, type ReadEventsOptions } from "../../src/sources/read-events.ts";
import type { UpstreamMessage } from "../../src/sources/upstream-parser.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/index.ts";
import type { StreamWriter } from "../../src/stream/writer.ts";
import { anyCuts, cut, parse } from "../support/parse.ts";
import { anyLine } from "../support/text.ts";

const EVENT_STREAM = { "content-type": "text/event-stream" };

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

async function* list<Chunk>(chunks: readonly Chunk[]): AsyncGenerator<Chunk> {
  yield* chunks;
}

/** All events, and the error if there was one. */
async function readAll(
  source: Response | EventBody,
  options?: ReadEventsOptions,
): Promise<{ events: SseEvent[]; error?: unknown }> {
  const events: SseEvent[] = [];
  try {
    for await (const event of readEvents(source, options)) events.push(event);
    return { events };
  } catch (error) {
    return { events, error };
  }
}

/** A body that the test controls. */
function controlled(): {
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly pulls: number;
  readonly cancelled: unknown[];
  enqueue(text: string): void;
  end(): void;
  fail(error: unknown): void;
} {
  const cancelled: unknown[] = [];
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let pulls = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start: (streamController) => void (controller = streamController),
      pull: () => void pulls++,
      cancel: (reason) => void cancelled.push(reason),
    },
    { highWaterMark: 0 },
  );
  return {
    body,
    get pulls() {
      return pulls;
    },
    cancelled,
    enqueue: (text) => controller.enqueue(bytes(text)),
    end: () => controller.close(),
    fail: (error) => controller.error(error),
  };
}

const nextMacrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("any events, with any split of any body into chunks", () => {
  const value = anyLine.map((line) => `x${line}`);
  const line = fc.oneof(
    { weight: 3, arbitrary: fc.oneof(value, anyLine).map((data) => `data: ${data}`) },
    value.map((name) => `event:${name}`),
    fc.oneof(value, fc.constant("")).map((id) => `id: ${id}`),
    anyLine.map((comment) => `:${comment}`),
    fc.constantFrom("data", "retry: 5", "event", ""),
  );
  const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
  const eventStream = fc
    .record({
      bom: fc.constantFrom("", "\u{feff}"),
      lines: fc.array(line, { maxLength: 20 }),
      ends: fc.oneof(fc.tuple(lineEnd), fc.array(lineEnd, { minLength: 2, maxLength: 9 })),
    })
    .map(
      ({ bom, lines, ends }) => bom + lines.map((text, index) => text + ends[index % ends.length]).join(""),
    );

  const pieces = (whole: string, cuts: readonly number[] | null): Uint8Array[] =>
    cuts === null ? [...bytes(whole)].map((byte) => Uint8Array.of(byte)) : cut(bytes(whole), cuts);
  const textPieces = (whole: string, size: number): string[] =>
    whole.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];

  type Make = (whole: string, cuts: readonly number[] | null) => Response | EventBody;
  test.each<[string, Make]>([
    [
      "a response",
      (whole, cuts) => new Response(ReadableStream.from(pieces(whole, cuts)), { headers: EVENT_STREAM }),
    ],
    ["a stream of bytes", (whole, cuts) => ReadableStream.from(pieces(whole, cuts))],
    ["a stream of text", (whole, cuts) => ReadableStream.from(textPieces(whole, (cuts?.length ?? 0) + 1))],
    ["an iterable of bytes", (whole, cuts) => list(pieces(whole, cuts))],
    ["an iterable of text", (whole, cuts) => list(textPieces(whole, (cuts?.length ?? 0) + 1))],
    ["a Node stream", (whole, cuts) => Readable.from(pieces(whole, cuts))],
  ])("are parsed as a client parses them: %s", async (_, make) => {
    await fc.assert(
      fc.asyncProperty(eventStream, fc.option(anyCuts), async (whole, cuts) => {
        const { events, error } = await readAll(make(whole, cuts));
        expect(error).toBeUndefined();
        const named = events.map(({ id, event = "message", data }) => ({ id, event, data }));
        expect(named).toEqual(parse(bytes(whole)).events);
      }),
      { numRuns: 150 },
    );
  });
});

test("an event has the fields that were sent, and no others", async () => {
  const { events } = await readAll(
    list(["retry: 5\nid: 1\nevent: token\nunknown: x\ndata: a\ndata: b\n\n", ": hi\n\n", "id\ndata\n\n"]),
  );
  expect(events).toStrictEqual([
    { event: "token", id: "1", data: "a\nb" },
    { id: "", data: "" },
  ]);
});

test("one byte order mark is removed, a second one is part of a field name", async () => {
  const marked = (...marks: string[]): Uint8Array[] => [bytes(`${marks.join("")}data: a\n\ndata: b\n\n`)];
  expect(await readAll(list(marked("\u{feff}")))).toEqual({ events: [{ data: "a" }, { data: "b" }] });
  expect(await readAll(list(marked("\u{feff}", "\u{feff}")))).toEqual({ events: [{ data: "b" }] });
});

test("an event without its blank line is discarded", async () => {
  expect(await readAll(list(["data: a\n\ndata: b\n"]))).toEqual({ events: [{ data: "a" }] });
});

test("an event of a chunk with very many events takes no more CPU time than one of a small chunk", async () => {
  /** The CPU time of each event of a chunk, in microseconds. */
  async function costOf(events: number): Promise<number> {
    const before = process.cpuUsage();
    let count = 0;
    for await (const _ of readEvents(list(["data\n\n".repeat(events)]))) count++;
    expect(count).toBe(events);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / events;
  }

  await costOf(10_000);
  const small = await costOf(10_000);
  // If it were quadratic, ten times as many events would cost ten times as much each.
  expect(await costOf(100_000)).toBeLessThan(4 * small);
});

test("chunks are read only when an event is wanted, and no more than needed", async () => {
  const upstream = controlled();
  const reader = readEvents(upstream.body);
  await nextMacrotask();
  expect(upstream.pulls).toBe(0);
  const first = reader.next();
  await nextMacrotask();
  expect(upstream.pulls).toBe(1);
  upstream.enqueue("data: a\n\ndata: b\n\nda");
  expect(await first).toEqual({ done: false, value: { data: "a" } });
  expect(await reader.next()).toEqual({ done: false, value: { data: "b" } });
  await nextMacrotask();
  expect(upstream.pulls).toBe(1);
  const third = reader.next();
  await nextMacrotask();
  upstream.enqueue("ta: c\n");
  await nextMacrotask();
  expect(upstream.pulls).toBe(3);
  upstream.enqueue("\n");
  expect(await third).toEqual({ done: false, value: { data: "c" } });
  await nextMacrotask();
  expect(upstream.pulls).toBe(3);
});

test("concurrent calls of `next` all resolve, in order", async () => {
  const upstream = controlled();
  const reader = readEvents(upstream.body);
  const results = [1, 2, 3, 4, 5].map(() => reader.next());
  upstream.enqueue("data: a\n\ndata: b\n\n");
  await nextMacrotask();
  upstream.enqueue("data: c\n\n");
  upstream.end();
  const values = (await Promise.all(results)).map(({ value }) => value as SseEvent | undefined);
  expect(values.map((event) => event?.data)).toEqual(["a", "b", "c", undefined, undefined]);
});

describe("a body that fails", () => {
  const failure = new Error("socket hang up");
  /** A cut is nobody's decision: the same request may succeed. */
  const isCut = expect.objectContaining({
    code: "SOURCE_FAILED",
    message: "The upstream's stream was cut.",
    retryable: true,
    cause: failure,
  });

  test("makes `next` reject once, after the events that came before", async () => {
    const upstream = controlled();
    const reader = readEvents(upstream.body);
    const first = reader.next();
    upstream.enqueue("data: a\n\ndata: b\n\n");
    await first;
    upstream.fail(failure);
    expect(await reader.next()).toMatchObject({ value: { data: "b" } });
    await expect(reader.next()).rejects.toEqual(isCut);
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  test("settles every pending `next`: the first rejects with the error", async () => {
    const upstream = controlled();
    const reader = readEvents(upstream.body);
    const results = Promise.allSettled([reader.next(), reader.next(), reader.next()]);
    upstream.fail(failure);
    expect(await results).toEqual([
      { status: "rejected", reason: isCut },
      { status: "fulfilled", value: { done: true, value: undefined } },
      { status: "fulfilled", value: { done: true, value: undefined } },
    ]);
  });

  test.each([new DOMException("aborted", "AbortError"), new HoldfastError("GONE", "The chat was deleted.")])(
    "with an abort or an error of holdfast keeps that error: %s",
    async (error) => {
      const upstream = controlled();
      upstream.fail(error);
      await expect(readEvents(upstream.body).next()).rejects.toBe(error);
    },
  );

  test("after its release is ignored", async () => {
    const body = new ReadableStream<Uint8Array>({ cancel: () => Promise.reject(failure) });
    expect(await readEvents(body).return?.()).toEqual({ done: true, value: undefined });
    await nextMacrotask();
  });
});

describe("leaving an upstream", () => {
  test("with `break` cancels it once", async () => {
    const upstream = controlled();
    upstream.enqueue("data: a\n\ndata: b\n\n");
    for await (const { data } of readEvents(upstream.body)) {
      expect(data).toBe("a");
      break;
    }
    await nextMacrotask();
    expect(upstream.cancelled).toHaveLength(1);
  });

  test("while a `next` is pending cancels it at once, and ends that `next`", async () => {
    const upstream = controlled();
    const reader = readEvents(upstream.body);
    const results = [reader.next(), reader.next()];
    await nextMacrotask();
    const returned = reader.return?.();
    await nextMacrotask();
    expect(upstream.cancelled).toHaveLength(1);
    for (const result of [...results, returned])
      expect(await result).toEqual({ done: true, value: undefined });
    await reader.return?.();
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    expect(upstream.cancelled).toHaveLength(1);
  });

  test("before the first `next` cancels it", async () => {
    const upstream = controlled();
    await readEvents(upstream.body).return?.();
    await nextMacrotask();
    expect(upstream.cancelled).toHaveLength(1);
  });

  test("drops events that were received but not read", async () => {
    const upstream = controlled();
    const reader = readEvents(upstream.body);
    upstream.enqueue("data: a\n\ndata: b\n\n");
    await reader.next();
    await reader.return?.();
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  test("at its own end does not cancel it", async () => {
    const upstream = controlled();
    upstream.end();
    expect(await readAll(upstream.body)).toEqual({ events: [] });
    expect(upstream.cancelled).toEqual([]);
  });

  test("does not wait for its cancel", async () => {
    const never = new ReadableStream<Uint8Array>({ cancel: () => new Promise(() => undefined) });
    const reader = readEvents(never);
    const pending = reader.next();
    await reader.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
  });
});

describe("the size limit", () => {
  const tooLarge = expect.objectContaining({ code: "EVENT_TOO_LARGE", retryable: false });

  /** A body without an end, which counts its reads and its cancels. */
  function endless(
    chunk: string,
    first = "",
  ): { body: ReadableStream<string>; readonly read: number; readonly cancels: number } {
    let [read, cancels] = [0, 0];
    const body = new ReadableStream<string>(
      {
        pull(controller) {
          controller.enqueue(read++ === 0 ? first + chunk : chunk);
        },
        cancel: () => void cancels++,
      },
      { highWaterMark: 0 },
    );
    return {
      body,
      get read() {
        return read;
      },
      get cancels() {
        return cancels;
      },
    };
  }

  test.each<[string, string, string]>([
    ["a line without an end", "x".repeat(100), "data: "],
    ["an event of many lines", `data: ${"x".repeat(100)}\n`, ""],
    ["a name without an end", "x".repeat(100), "event: "],
    ["an id without an end", "x".repeat(100), "id: "],
  ])("stops %s, and cancels the upstream", async (_, chunk, first) => {
    const upstream = endless(chunk, `data: ok\n\n${first}`);
    const { events, error } = await readAll(upstream.body, { maxEventSize: 1_000 });
    expect(events).toEqual([{ data: "ok" }]);
    expect(error).toEqual(tooLarge);
    expect(upstream.read).toBeLessThan(12);
    expect(upstream.cancels).toBe(1);
  });

  test.each([
    `data: ${"x".repeat(1_001)}\n\n`,
    `data: ${"x".repeat(600)}\ndata: ${"x".repeat(600)}\n\n`,
    `event: ${"x".repeat(1_001)}\ndata: x\n\n`,
    `id: ${"x".repeat(1_001)}\ndata: x\n\n`,
    `data: ${"x".repeat(100_000)}`,
  ])("also applies within one chunk: events before it are yielded, and none after it: %#", async (text) => {
    const upstream = controlled();
    upstream.enqueue(`data: ok\n\n${text}\n\ndata: late\n\n`);
    const { events, error } = await readAll(upstream.body, { maxEventSize: 1_000 });
    expect(events).toEqual([{ data: "ok" }]);
    expect(error).toEqual(tooLarge);
    expect(upstream.cancelled).toHaveLength(1);
  });

  test("allows an event of exactly this size, many small ones, and long comments", async () => {
    const whole = "x".repeat(1_000);
    expect(await readAll(list([`data: ${whole}\n\n`]), { maxEventSize: 1_000 })).toEqual({
      events: [{ data: whole }],
    });
    const many = Array.from({ length: 100 }, (_, index) => `data: ${index}\n\n`).join("");
    expect((await readAll(list([many]), { maxEventSize: 10 })).events).toHaveLength(100);
    const comment = [":", ...Array<string>(200).fill("a comment "), "\n", "data: x\n\n"];
    expect(await readAll(list(comment), { maxEventSize: 100 })).toEqual({ events: [{ data: "x" }] });
  });

  test("is 1 MiB by default, and can be Infinity", async () => {
    const text = `data: ${"x".repeat(1_048_577)}\n\n`;
    expect((await readAll(list([text]))).error).toEqual(tooLarge);
    expect((await readAll(list([text]), { maxEventSize: Infinity })).events).toHaveLength(1);
  });
});

describe("a response that is not an event stream", () => {
  const responses: [string, number, Record<string, string>, string, boolean][] = [
    ["401", 401, EVENT_STREAM, "The upstream answered 401.", false],
    ["404", 404, {}, "The upstream answered 404.", false],
    ["408", 408, EVENT_STREAM, "The upstream answered 408.", true],
    ["425", 425, EVENT_STREAM, "The upstream answered 425.", true],
    ["429", 429, EVENT_STREAM, "The upstream answered 429.", true],
    ["500", 500, EVENT_STREAM, "The upstream answered 500.", true],
    ["503", 503, EVENT_STREAM, "The upstream answered 503.", true],
    ["201", 201, EVENT_STREAM, "The upstream answered 201.", false],
    ["JSON", 200, { "content-type": "application/json" }, "The upstream's answer is no event stream.", false],
    ["no type", 200, {}, "The upstream's answer is no event stream.", false],
  ];

  test.each(responses)(
    "fails the first `next`, with the text of its body as the cause: %s",
    async (_, status, headers, message, retryable) => {
      const upstream = controlled();
      const reader = readEvents(new Response(upstream.body, { status, headers }));
      await nextMacrotask();
      expect([upstream.pulls, upstream.cancelled]).toEqual([0, []]);
      const result = reader.next().catch((thrown: unknown) => thrown);
      upstream.enqueue('{"error":');
      upstream.enqueue('"No."}');
      upstream.end();
      const error = await result;
      expect(error).toBeInstanceOf(HoldfastError);
      expect(error).toMatchObject({ code: "SOURCE_FAILED", message, retryable, cause: '{"error":"No."}' });
      expect(await reader.next()).toEqual({ done: true, value: undefined });
    },
  );

  const refused = async (body: ReadableStream<Uint8Array<ArrayBuffer>> | string | null, options?: object) =>
    (await readAll(new Response(body, { status: 500 }), options)).error as HoldfastError;

  test("gives no more than 4 KiB of its body, and cancels the rest", async () => {
    const upstream = controlled();
    // The limit is inside a character of two bytes.
    upstream.enqueue(`x${"é".repeat(3_000)}`);
    const { cause } = await refused(upstream.body);
    expect(cause).toBe(`x${"é".repeat(2_047)}`);
    await nextMacrotask();
    expect([upstream.pulls, upstream.cancelled.length]).toEqual([0, 1]);
  });

  test("without a text has no cause", async () => {
    expect("cause" in (await refused(null))).toBe(false);
    expect("cause" in (await refused(""))).toBe(false);
  });

  test("is not waited for longer than 1 s: the cause is what has arrived", async () => {
    const clock = createFakeClock();
    const upstream = controlled();
    upstream.enqueue("over");
    const reading = refused(upstream.body, { clock });
    await clock.advance(1_000);
    expect((await reading).cause).toBe("over");
    await nextMacrotask();
    expect([clock.timers, upstream.cancelled.length]).toEqual([0, 1]);
  });

  test("fails with its status if its body is cut", async () => {
    const upstream = controlled();
    const reading = refused(upstream.body);
    await nextMacrotask();
    upstream.enqueue("over");
    await nextMacrotask();
    upstream.fail(new Error("socket hang up"));
    expect(await reading).toMatchObject({ message: "The upstream answered 500.", cause: "over" });
  });

  test("can be left while its body is read: it is cancelled at once", async () => {
    const clock = createFakeClock();
    const upstream = controlled();
    const reader = readEvents(new Response(upstream.body, { status: 500 }), { clock });
    const pending = reader.next();
    await nextMacrotask();
    await reader.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    await nextMacrotask();
    expect([clock.timers, upstream.cancelled.length]).toEqual([0, 1]);
  });

  test.each([
    [429, 20_000],
    [503, 20_000],
    [529, 20_000],
    [400, undefined],
    [200, undefined],
  ])("keeps `Retry-After` if it is retryable: %i", async (status, retryAfter) => {
    const { error } = await readAll(new Response("", { status, headers: { "retry-after": "20" } }));
    expect(error).toMatchObject({ code: "SOURCE_FAILED", retryable: retryAfter !== undefined, retryAfter });
  });

  test("fails without a body too", async () => {
    const { error } = await readAll(new Response(null, { status: 204 }));
    expect(error).toMatchObject({ message: "The upstream answered 204." });
  });
});

describe("an upstream that says how it ends", () => {
  const until = ({ data }: UpstreamMessage): boolean => data === "[DONE]";
  const last = ({ event }: UpstreamMessage): boolean => event === "completed";
  const incomplete = expect.objectContaining({
    code: "SOURCE_FAILED",
    message: "The upstream's answer ended before it was complete.",
    retryable: true,
  });

  test("ends at its sentinel, which is not yielded, and is cancelled", async () => {
    const upstream = controlled();
    upstream.enqueue("data: a\n\ndata: [DONE]\n\ndata: late\n\n");
    expect(await readAll(upstream.body, { until })).toEqual({ events: [{ data: "a" }] });
    await nextMacrotask();
    expect(upstream.cancelled).toHaveLength(1);
  });

  test("ends behind its last event, which is yielded", async () => {
    const body = list(["data: a\n\nevent: completed\ndata: b\n\ndata: late\n\n"]);
    expect(await readAll(body, { last })).toEqual({
      events: [{ data: "a" }, { event: "completed", data: "b" }],
    });
  });

  test.each<[string, string, number]>([
    ["without any event", "", 0],
    ["between two events", "data: a\n\n", 1],
    ["inside the sentinel", "data: a\n\ndata: [DONE]\n", 1],
  ])("fails after its events if its body ends before that: %s", async (_, text, events) => {
    for (const options of [{ until }, { last }, { until, last }]) {
      const read = await readAll(list([text]), options);
      expect([read.events.length, read.error]).toEqual([events, incomplete]);
    }
    const response = new Response(text, { headers: EVENT_STREAM });
    expect((await readAll(response, { until })).error).toEqual(incomplete);
  });

  test("fails if there is no body at all", async () => {
    expect(await readAll(new Response(null, { headers: EVENT_STREAM }), { until })).toEqual({
      events: [],
      error: incomplete,
    });
  });

  test("may be a stream of holdfast: its explicit end counts too", async () => {
    const text = 'event: stream.open\ndata: {}\n\ndata: a\n\nevent: stream.end\ndata: {"status":"done"}\n\n';
    expect(await readAll(list([text]), { until })).toEqual({ events: [{ data: "a" }] });
  });
});

describe("an error inside the body", () => {
  const reported = expect.objectContaining({
    code: "SOURCE_FAILED",
    message: "The upstream reported an error.",
    retryable: true,
    cause: '{"message":"org-7Qx2 is over its limit"}',
  });
  const named = 'data: a\n\nevent: error\ndata: {"message":"org-7Qx2 is over its limit"}\n\ndata: late\n\n';

  test("is an event named `error`: it fails after the events before it, and its text is the cause", async () => {
    const upstream = controlled();
    upstream.enqueue(named);
    expect(await readAll(upstream.body)).toEqual({ events: [{ data: "a" }], error: reported });
    await nextMacrotask();
    expect(upstream.cancelled).toHaveLength(1);
  });

  test("has no more than 4,096 characters of its text as the cause", async () => {
    const { error } = await readAll(list([`event: error\ndata: ${"x".repeat(10_000)}\n\n`]));
    expect((error as HoldfastError).cause).toBe("x".repeat(4_096));
  });

  test("is what the option `error` says, and nothing else", async () => {
    const failure = new HoldfastError("LIMIT_EXCEEDED", "The model is overloaded.", { retryable: true });
    const error = ({ data }: UpstreamMessage) => (data === "overloaded" ? failure : undefined);
    expect(await readAll(list([named]), { error })).toMatchObject({ events: [{}, { event: "error" }, {}] });
    expect(await readAll(list(["data: a\n\ndata: overloaded\n\n"]), { error })).toEqual({
      events: [{ data: "a" }],
      error: failure,
    });
  });

  test("comes before the sentinel: a message that is both is an error", async () => {
    const failure = new HoldfastError("GONE", "It was deleted.");
    const both = { until: () => true, error: () => failure };
    expect(await readAll(list(["data: x\n\n"]), both)).toEqual({ events: [], error: failure });
  });
});

test.each(["until", "last", "error"])(
  "what `%s` throws is the failure, after the events before",
  async (name) => {
    const bug = new TypeError("x is not a function");
    const rule = ({ data }: UpstreamMessage): undefined => {
      if (data === "b") throw bug;
    };
    const read = await readAll(list(["data: a\n\ndata: b\n\ndata: c\n\n"]), { [name]: rule });
    expect(read.error).toBe(bug);
    expect(read.events.slice(0, 1)).toEqual([{ data: "a" }]);
    expect(() => readEvents(list([""]), { [name]: true })).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  },
);

test("an event stream without a body has no events", async () => {
  expect(await readAll(new Response(null, { headers: EVENT_STREAM }))).toEqual({ events: [] });
});

test("a `node:http` message, which has headers too, is read as a body", async () => {
  const message = Object.assign(Readable.from([bytes("data: x\n\n")]), { headers: {}, statusCode: 200 });
  expect(await readAll(message)).toEqual({ events: [{ data: "x" }] });
});

describe("an upstream that is a stream of holdfast", () => {
  const SECOND = 1_000;
  const SILENT: Observer = { failed: () => undefined };

  /** The result of reading a stream while `act` runs. */
  async function readStream(
    act: (upstream: { registry: Registry; job: StreamWriter<AnyEvents>; clock: FakeClock }) => unknown,
    cursor = "",
  ): Promise<{ events: unknown[]; error?: unknown }> {
    const clock = createFakeClock();
    const registry = createRegistry({ clock, observer: SILENT, idle: 10 * SECOND });
    const job = await registry.open("job");
    const request = new Request(`http://host/?lastEventId=${cursor}`);
    const response = await toResponse(request, registry.stream("job"));
    const reading = readAll(response);
    await clock.flush();
    await act({ registry, job, clock });
    await clock.advance(20 * SECOND);
    const { events, error } = await reading;
    return { events: events.map(({ data }) => data), ...(error !== undefined && { error }) };
  }

  test("is read to its end, without its control events", async () => {
    const read = await readStream(({ job }) => {
      job.push({ event: "token", data: "a" });
      job.push({ data: { b: 1 } });
      return job.end({ data: "c" });
    });
    expect(read).toEqual({ events: ["a", '{"b":1}', "c"] });
  });

  test("yields its events with their names and ids", async () => {
    const registry = createRegistry();
    const job = await registry.open("job");
    const id = job.push({ event: "token", data: "a" });
    await job.end();
    const { events } = await readAll(await toResponse(new Request("http://host/"), registry.stream("job")));
    expect(events).toEqual([{ event: "token", id, data: "a" }]);
  });

  const sourceFailed = (message: string, retryable: boolean): object =>
    expect.objectContaining({
      name: "HoldfastError",
      code: "SOURCE_FAILED",
      message,
      retryable,
      expose: true,
    });
  const failed = sourceFailed("The upstream's stream failed.", false);

  test("fails with the public part of its error, after its events", async () => {
    const overloaded = new HoldfastError("LIMIT_EXCEEDED", "The model is overloaded.", { retryable: true });
    const read = await readStream(({ job }) => {
      job.push({ data: "a" });
      return job.fail(overloaded);
    });
    expect(read).toEqual({ events: ["a"], error: sourceFailed("The model is overloaded.", false) });
    const secret = await readStream(({ job }) => job.fail(new Error("password authentication failed")));
    expect(secret).toEqual({ events: [], error: sourceFailed("The stream failed.", false) });
  });

  test("fails when it is cancelled", async () => {
    expect(await readStream(({ registry }) => registry.cancel("job"))).toEqual({ events: [], error: failed });
  });

  async function* withError(...then: SseEvent[]): AsyncGenerator<SseEvent | HoldfastError> {
    yield { data: "a" };
    yield new HoldfastError("SOURCE_FAILED", "The model is slow.", { retryable: true });
    yield* then;
  }

  test("goes on after a `stream.error` that does not end it", async () => {
    const read = await readStream(({ job }) => job.pipe(withError({ data: "b" })));
    expect(read).toEqual({ events: ["a", "b"] });
    expect(await readStream(({ job }) => job.pipe(withError()))).toEqual({ events: ["a"] });
  });

  test("does not fail with the error of an earlier `stream.error` when it is cancelled", async () => {
    for (const then of [[], [{ data: "b" }]]) {
      const read = await readStream(async ({ job, registry, clock }) => {
        void job.pipe(async function* () {
          yield* withError(...then);
          await new Promise(() => undefined);
        });
        await clock.flush();
        await registry.cancel("job");
      });
      expect(read).toEqual({ events: ["a", ...then.map(({ data }) => data)], error: failed });
    }
  });

  test("fails at a gap, before the events after it", async () => {
    const read = await readStream(({ job }) => void job.push({ data: "a" }), "zzzzzzzzzz.3");
    expect(read).toEqual({
      events: [],
      error: sourceFailed("Some of the upstream's events are missing.", true),
    });
  });

  const unfinished = sourceFailed("The upstream closed before its stream ended.", true);

  test("fails when it is drained", async () => {
    const read = await readStream(async ({ job, registry, clock }) => {
      job.push({ data: "a" });
      await clock.flush();
      void registry.close();
    });
    expect(read).toEqual({ events: ["a"], error: unfinished });
  });

  test("fails with the first error if there are several", async () => {
    const drain = 'event: stream.drain\ndata: {"reason":"shutdown"}\n\n';
    const { error: reason } = await readAll(list([`${drain}data: ${"x".repeat(2_000)}`]), {
      maxEventSize: 1_000,
    });
    expect(reason).toEqual(unfinished);
  });

  const open = 'event: stream.open\ndata: {"state":"live"}\n\n';
  const end = 'event: stream.end\nid: aaaaaaaaaa.2.end\ndata: {"status":"done"}\n\n';
  const error = (data: string): string => `event: stream.error\ndata: ${data}\n\n`;

  test.each<[string, string, unknown]>([
    ["is cut", open, sourceFailed("The upstream's stream was cut.", true)],
    [
      "is cut after a `stream.error`",
      open + error('{"message":"Soon."}'),
      sourceFailed("The upstream's stream was cut.", true),
    ],
    [
      "fails with an invalid error",
      `${open}${error("[1]")}event: stream.end\ndata: {"status":"failed"}\n\n`,
      failed,
    ],
    ["fails without data", `${open}${error("")}event: stream.end\ndata: {"status":"failed"}\n\n`, failed],
    ["has expired", `${open}event: stream.end\ndata: {"status":"expired"}\n\n`, failed],
    ["is lost", `${open}event: stream.end\ndata: {"status":"lost"}\n\n`, failed],
    ["ends with invalid data", `${open}event: stream.end\ndata: null\n\n`, failed],
  ])("is incomplete when it %s", async (_, text, reason) => {
    expect(await readAll(list([text]))).toEqual({ events: [], error: reason });
  });

  test("may have control events of a later version, which are not yielded", async () => {
    const later = "event: stream.pace\ndata: {}\n\n";
    expect(await readAll(list([open, later, "data: a\n\n", end]))).toEqual({ events: [{ data: "a" }] });
  });

  test("is cancelled at its `stream.end`, and nothing after that is yielded", async () => {
    const upstream = controlled();
    upstream.enqueue(`${open}data: a\n\n${end}data: late\n\n${error("{}")}data: ${"x".repeat(2_000)}`);
    expect(await readAll(upstream.body, { maxEventSize: 1_000 })).toEqual({ events: [{ data: "a" }] });
    await nextMacrotask();
    expect(upstream.cancelled).toHaveLength(1);
  });

  describe("with a bare source", () => {
    const readBare = async (source: BareSource, clock = createFakeClock()) => {
      const reading = readAll(
        await toResponse(new Request("http://host/"), source, {
          clock,
          observer: SILENT,
          maxDuration: SECOND,
        }),
      );
      await clock.advance(2 * SECOND);
      return reading;
    };

    test("ends at the end of the body", async () => {
      expect(await readBare(list([{ data: "a" }]))).toEqual({ events: [{ data: "a" }] });
    });

    test("fails with the public part of its error", async () => {
      const throwing = async function* (): AsyncGenerator<SseEvent> {
        yield { data: "a" };
        throw new HoldfastError("SOURCE_FAILED", "The model has gone.");
      };
      const read = { events: [{ data: "a" }], error: sourceFailed("The model has gone.", false) };
      expect(await readBare(throwing)).toEqual(read);
    });

    test("goes on after a `stream.error` that does not end it", async () => {
      expect(await readBare(withError({ data: "b" }))).toEqual({ events: [{ data: "a" }, { data: "b" }] });
    });

    test("fails with its error, and when to retry, if it is cut behind a retryable one", async () => {
      const busy = new HoldfastError("LIMIT_EXCEEDED", "Later.", { retryable: true, retryAfter: 7_000 });
      const read = await readBare(async function* () {
        yield { data: "a" };
        throw busy;
      });
      expect(read).toEqual({
        events: [{ data: "a" }],
        error: expect.objectContaining({ message: "Later.", retryable: true, retryAfter: 7_000 }),
      });
    });

    test("fails when it is drained", async () => {
      expect(await readBare(() => undefined)).toEqual({ events: [], error: unfinished });
    });
  });
});

test("for any other upstream the end of the body is the end, and `stream.*` names are ordinary names", async () => {
  const text = "event: stream.token\ndata: a\n\nevent: streams\ndata: b\n\ndata: [DONE]\n\n";
  expect(await readAll(list([text]))).toEqual({
    events: [{ event: "stream.token", data: "a" }, { event: "streams", data: "b" }, { data: "[DONE]" }],
  });
});

describe("the response of an LLM API, piped into a stream", () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function setUp(respond: RequestListener) {
    const server = createServer(respond).listen(0, "127.0.0.1");
    closers.push(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const failures: unknown[] = [];
    const registry = createRegistry({ observer: { failed: ({ error }) => void failures.push(error) } });
    const job = await registry.open("job");
    const requested = once(server, "request") as Promise<[unknown, ServerResponse]>;
    return { url, registry, job, failures, requested };
  }

  const chunk = (content: string): string =>
    `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
  const tokens = ["Once", " upon", " a ☀️", "\nday"];

  test("is stored completely", async () => {
    const { url, registry, job, failures } = await setUp((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      const whole = Buffer.from(`: PROCESSING\n\n${tokens.map(chunk).join("")}data: [DONE]\n\n`);
      const pieces = Array.from({ length: whole.length / 7 + 1 }, (_piece, index) =>
        whole.subarray(index * 7, index * 7 + 7),
      );
      Readable.from(pieces).pipe(response);
    });
    await job.pipe(async function* ({ signal }) {
      yield* readEvents(await fetch(url, { signal }));
    });
    const messages = [];
    for await (const { data } of registry.subscribe("job")) messages.push(data);
    expect(messages).toEqual([...tokens.map((token) => chunk(token).slice(6, -2)), "[DONE]"]);
    expect(failures).toEqual([]);
    await registry.close();
  });

  async function* generator(response: Promise<Response>): AsyncGenerator<SseEvent> {
    yield* readEvents(await response);
  }
  const reader = async (response: Promise<Response>) => readEvents(await response);

  test.each([
    ["by a generator, while it is sent", generator, true, chunk("Once")],
    ["by a generator, while it is silent", generator, true, ""],
    ["by a reader without a signal, while it is sent", reader, false, chunk("Once")],
    ["by a reader without a signal, while it is silent", reader, false, ""],
  ] as const)(
    "is cancelled at once when the stream is cancelled: piped %s",
    async (_, piping, signalled, text) => {
      const { url, registry, job, failures, requested } = await setUp((_request, response) => {
        response.writeHead(200, EVENT_STREAM).flushHeaders();
        response.write(text);
      });
      const fetched = fetch(url, signalled ? { signal: job.signal } : {});
      const piped = job.pipe(() => piping(fetched));
      const [, response] = await requested;
      await fetched;
      if (text !== "") await registry.subscribe("job").next();
      await nextMacrotask();
      const closed = once(response, "close");
      await registry.cancel("job", "user");
      await closed;
      await piped;
      expect(registry.get("job")).toMatchObject({ status: "cancelled", last: text === "" ? 0 : 1 });
      expect(failures).toEqual([]);
      await registry.close();
    },
  );

  test("is cancelled at once when the stream is cancelled before the response starts", async () => {
    const { url, registry, job, failures, requested } = await setUp(() => undefined);
    const piped = job.pipe(({ signal }) => generator(fetch(url, { signal })));
    const [, response] = await requested;
    const closed = once(response, "close");
    await registry.cancel("job");
    await closed;
    await piped;
    expect(failures).toEqual([]);
    await registry.close();
  });

  test("fails the stream when it is cut, or has another status", async () => {
    const broken = await setUp((_, response) => {
      response.writeHead(200, EVENT_STREAM);
      response.write(chunk("Once"), () => response.destroy());
    });
    await broken.job.pipe(() => generator(fetch(broken.url)));
    expect(broken.registry.get("job")).toMatchObject({ status: "failed", last: 1 });

    const refused = await setUp((_, response) =>
      response.writeHead(429, { "retry-after": "20" }).end("org-7Qx2: slow down"),
    );
    await refused.job.pipe(() => generator(fetch(refused.url)));
    const reading = refused.registry.subscribe("job").next();
    const error = { message: "The upstream answered 429.", retryable: true, retryAfter: 20_000 };
    await expect(reading).rejects.toMatchObject(error);
    expect(refused.failures).toMatchObject([{ ...error, cause: "org-7Qx2: slow down" }]);
    const response = await toResponse(new Request("http://host/"), refused.registry.stream("job"));
    expect(await response.text().catch(String)).not.toContain("org-7Qx2");
  });

  test("does not count as whole when it is closed early: the stream is not `done`", async () => {
    const early = await setUp((_, response) => response.writeHead(200, EVENT_STREAM).end(chunk("Once")));
    const status = await early.job.pipe(async function* ({ signal }) {
      yield* readEvents(await fetch(early.url, { signal }), openai);
    });
    expect(status).toBe("failed");
  });

  test.each<[string, RequestListener, string]>([
    ["is busy", (_, response) => response.writeHead(429).end(), "interrupted"],
    [
      "cuts its answer",
      (_, response) => response.writeHead(200, EVENT_STREAM).end(chunk("a")),
      "interrupted",
    ],
    ["refuses the request", (_, response) => response.writeHead(401).end(), "failed"],
  ])("of a job that may be run again, when the upstream %s", async (_, respond, status) => {
    const { url, registry } = await setUp(respond);
    const job = await registry.open("again", { retryWindow: 60_000 });
    expect(await job.pipe(() => fetch(url).then((response) => readEvents(response, openai)))).toBe(status);
    await registry.close();
  });
});

test.each([undefined, null, "data: x\n\n", 5, {}, [], Object.create(null)])(
  "%j is an invalid source",
  (source) => {
    const invalid = expect.objectContaining({ code: "INVALID_OPTION" });
    expect(() => readEvents(source as never)).toThrow(invalid);
  },
);

test.each([0, -1, 1.5, NaN, "5", null])("%j is an invalid `maxEventSize`", (maxEventSize) => {
  const upstream = controlled();
  const invalid = expect.objectContaining({ code: "INVALID_OPTION" });
  expect(() => readEvents(upstream.body, { maxEventSize: maxEventSize as never })).toThrow(invalid);
  expect(upstream.body.locked).toBe(false);
});

test("a locked body is an error at once", async () => {
  const { body } = controlled();
  body.getReader();
  expect(() => readEvents(body)).toThrow(TypeError);
});

test("the types of the sources", () => {
  expectTypeOf(readEvents).parameter(0).toEqualTypeOf<Response | EventBody>();
  expectTypeOf<NonNullable<Response["body"]>>().toExtend<EventBody>();
  expectTypeOf<ReadableStream<string>>().toExtend<EventBody>();
  expectTypeOf<ReadableStream<Uint8Array>>().toExtend<EventBody>();
  expectTypeOf<AsyncGenerator<Buffer>>().toExtend<EventBody>();
  expectTypeOf<Readable>().toExtend<EventBody>();
  expectTypeOf<AsyncIterable<number>>().not.toExtend<EventBody>();
});
