import { getEventListeners } from "node:events";
import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createFakeClock } from "../../src/testing/index.ts";
import { withHeartbeat } from "../../src/sources/with-heartbeat.ts";
import { cut, parse } from "../support/parse.ts";
import { anyLine } from "../support/text.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const INTERVAL = 100;
const HEARTBEAT = ":\n\n";
const BOM = "\u{feff}";

const bytes = (text: string): Bytes => new TextEncoder().encode(text);
const text = (...chunks: Uint8Array[]): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(chunks));

/** A source that the test controls. */
function controlled(cancel: (reason: unknown) => unknown = () => undefined): {
  source: ReadableStream<Bytes>;
  /** How many chunks were requested. */
  readonly pulls: number;
  readonly cancelled: unknown[];
  enqueue(chunk: string | Uint8Array): void;
  end(): void;
  fail(error: unknown): void;
} {
  const cancelled: unknown[] = [];
  let controller: ReadableStreamDefaultController<Bytes>;
  let pulls = 0;
  const source = new ReadableStream<Bytes>(
    {
      start: (streamController) => void (controller = streamController),
      pull: () => void pulls++,
      async cancel(reason) {
        cancelled.push(reason);
        await cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return {
    source,
    get pulls() {
      return pulls;
    },
    cancelled,
    enqueue: (chunk) => controller.enqueue(typeof chunk === "string" ? bytes(chunk) : (chunk as Bytes)),
    end: () => controller.close(),
    fail: (error) => controller.error(error),
  };
}

/** Collects the chunks of a stream, with `waiting` reads pending all the time. */
function collect(
  stream: ReadableStream<Bytes>,
  waiting = 1,
): { chunks: Bytes[]; over: Promise<unknown>; leave: (reason?: unknown) => Promise<void> } {
  const reader = stream.getReader();
  const chunks: Bytes[] = [];
  const readAll = async (): Promise<void> => {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      chunks.push(value as Bytes);
    }
  };
  const over = Promise.all(Array.from({ length: waiting }, readAll)).catch((error: unknown) => error);
  return { chunks, over, leave: (reason) => reader.cancel(reason) };
}

describe("an event stream, with any split into chunks", () => {
  const value = anyLine.map((line) => `x${line}`);
  const line = fc.oneof(
    { weight: 3, arbitrary: value.map((data) => `data: ${data}`) },
    value.map((name) => `event:${name}`),
    value.map((id) => `id: ${id}`),
    value.map((comment) => `:${comment}`),
    fc.constantFrom("data", "retry: 5"),
  );
  const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
  const eventStream = fc
    .record({
      bom: fc.constantFrom("", BOM),
      // A byte order mark is part of the first line, which is not blank.
      first: line,
      blocks: fc.array(fc.array(line, { maxLength: 4 }), { maxLength: 5 }),
      // One kind of line end, or all kinds mixed.
      ends: fc.oneof(fc.tuple(lineEnd), fc.array(lineEnd, { minLength: 2, maxLength: 9 })),
      unfinished: fc.oneof(fc.constant(""), line),
    })
    .map(({ bom, first, blocks, ends, unfinished }) => {
      const lines = [first, ...blocks.flatMap((fields) => [...fields, ""])];
      const finished = lines.map((fields, index) => fields + (ends[index % ends.length] as string)).join("");
      return { bom, whole: bytes(bom + finished + unfinished) };
    });
  const anyCuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20, size: "max" });
  const pieces = fc.tuple(eventStream, fc.option(anyCuts)).map(([{ bom, whole }, cuts]) => ({
    bom,
    chunks: cuts === null ? [...whole].map((byte) => Uint8Array.of(byte)) : cut(whole, cuts),
  }));

  test("is unchanged, byte by byte, if it is never silent", async () => {
    await fc.assert(
      fc.asyncProperty(pieces, async ({ chunks }) => {
        const clock = createFakeClock();
        const out = withHeartbeat(ReadableStream.from(chunks as Bytes[]), { interval: INTERVAL, clock });
        expect(Buffer.from(await new Response(out).arrayBuffer())).toEqual(Buffer.concat(chunks));
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  const silence = fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    fc.integer({ min: 1, max: INTERVAL - 1 }),
    fc.constantFrom(INTERVAL, 2 * INTERVAL, 250),
  );

  /** By the standard: there were only blank lines since the last event, or since the beginning. */
  const isBetweenEvents = (before: string): boolean => /^$|(^|\n)\n$/.test(before.replaceAll(/\r\n?/g, "\n"));

  test("gets a heartbeat for each silent interval between events, and nowhere else", async () => {
    const silences = fc.infiniteStream(silence);
    const waiting = fc.integer({ min: 1, max: 3 });
    await fc.assert(
      fc.asyncProperty(pieces, silences, waiting, async ({ bom, chunks }, silent, reads) => {
        const clock = createFakeClock();
        const upstream = controlled();
        const out = withHeartbeat(upstream.source, { interval: INTERVAL, clock });
        const { chunks: received, over } = collect(out, reads);
        let expected = "";
        let sent = Buffer.alloc(0);
        let lastWrite = 0;

        for (const chunk of [...chunks, undefined]) {
          await clock.advance(silent.next().value);
          const before = sent.toString("latin1").slice(bom === "" ? 0 : 3);
          if (isBetweenEvents(before)) {
            for (; lastWrite + INTERVAL <= clock.now(); lastWrite += INTERVAL) expected += HEARTBEAT;
          }
          if (chunk === undefined) break;
          upstream.enqueue(chunk);
          await clock.flush();
          sent = Buffer.concat([sent, chunk]);
          const added = sent.toString("latin1").slice((bom === "" ? 0 : 3) + before.length);
          // A byte order mark is written with what follows it, and dropped after a heartbeat.
          if (added !== "" && before === "" && expected === "")
            expected = Buffer.from(bom).toString("latin1");
          if (added !== "") lastWrite = clock.now();
          expected += added;
        }
        upstream.end();
        await over;
        expect(Buffer.concat(received).toString("latin1")).toBe(expected);
        expect(clock.timers).toBe(0);

        const [before, after] = [parse(sent), parse(...received)];
        expect(after.events).toEqual(before.events);
        expect(after.retries).toEqual(before.retries);
        expect(after.comments.filter((comment) => comment !== "")).toEqual(before.comments);
      }),
      { numRuns: 300 },
    );
  });
});

test.each(["data: x\n\r", "data: x\r\r", "data: x\r\n\r"])(
  "after %j a heartbeat may come, although an LF that belongs to the line end may follow",
  async (before) => {
    const clock = createFakeClock();
    const upstream = controlled();
    const { chunks, over } = collect(withHeartbeat(upstream.source, { interval: INTERVAL, clock }));
    upstream.enqueue(before);
    await clock.advance(INTERVAL);
    upstream.enqueue("\ndata: y\n\n");
    upstream.end();
    await over;
    expect(text(...chunks)).toBe(`${before}${HEARTBEAT}\ndata: y\n\n`);
    expect(parse(...chunks).events.map(({ data }) => data)).toEqual(["x", "y"]);
  },
);

describe("a consumer", () => {
  test("that does not read causes no read of the source, and no heartbeats pile up", async () => {
    const clock = createFakeClock();
    const upstream = controlled();
    const reader = withHeartbeat(upstream.source, { interval: INTERVAL, clock }).getReader();
    const readDuring = async (ms: number): Promise<string> => {
      const read = reader.read();
      await clock.advance(ms);
      return text((await read).value as Bytes);
    };
    const pauseReading = async (): Promise<void> => {
      await clock.advance(10 * INTERVAL);
      expect(clock.timers).toBe(0);
    };
    await pauseReading();
    expect(upstream.pulls).toBe(0);
    expect(await readDuring(0)).toBe(HEARTBEAT);
    await pauseReading();
    expect(await readDuring(0)).toBe(HEARTBEAT);
    expect(await readDuring(INTERVAL)).toBe(HEARTBEAT);
    await pauseReading();
    expect(upstream.pulls).toBe(1);

    upstream.enqueue("data: x\n\n");
    await pauseReading();
    expect(await readDuring(0)).toBe("data: x\n\n");
    await pauseReading();
    expect(upstream.pulls).toBe(1);

    const read = reader.read();
    upstream.enqueue("data: y\n\n");
    expect(text((await read).value as Bytes)).toBe("data: y\n\n");
    await pauseReading();
    expect(upstream.pulls).toBe(2);
  });

  test("that stops reading with a read pending finds one heartbeat, and not one for each interval", async () => {
    const clock = createFakeClock();
    const upstream = controlled();
    const out = withHeartbeat(upstream.source, { interval: INTERVAL, clock });
    const reader = out.getReader();
    const abandoned = reader.read().catch(() => "abandoned");
    await clock.flush();
    reader.releaseLock();
    expect(await abandoned).toBe("abandoned");
    await clock.advance(10 * INTERVAL);
    const { chunks } = collect(out);
    await clock.flush();
    expect(text(...chunks)).toBe(HEARTBEAT);
    expect(clock.timers).toBe(1);
  });

  test("with several reads pending gets one chunk for each, and no heartbeat", async () => {
    const clock = createFakeClock();
    const upstream = controlled();
    const reader = withHeartbeat(upstream.source, { interval: INTERVAL, clock }).getReader();
    const results: string[] = [];
    for (let count = 0; count < 4; count++) {
      void reader.read().then(({ value }) => results.push(text(value as Bytes)));
    }
    for (const chunk of ["data: a\n\n", "data: b\n\n", "data: c\n\n", "data: d\n\n"]) {
      await clock.advance(INTERVAL - 1);
      upstream.enqueue(chunk);
      await clock.flush();
      expect(results.at(-1)).toBe(chunk);
    }
    expect([results.length, clock.timers]).toEqual([4, 0]);
  });

  test("may transfer the memory of a heartbeat", async () => {
    const clock = createFakeClock();
    const reader = withHeartbeat(controlled().source, { interval: INTERVAL, clock }).getReader();
    for (let count = 0; count < 2; count++) {
      const read = reader.read();
      await clock.advance(INTERVAL);
      const { value } = await read;
      expect(text(value as Bytes)).toBe(HEARTBEAT);
      structuredClone(value, { transfer: [(value as Bytes).buffer] });
    }
  });
});

test.each([
  [["data: x\n", "\n"]],
  [["data: x\r", "\n", "\r"]],
  [["data: x\r", "data: y\n", "\n"]],
  [["data: x\r\r\ndata: y\r\n", "\r\n"]],
])("an event in the chunks %j gets no heartbeat inside, however slowly it comes", async (pieces) => {
  const clock = createFakeClock();
  const upstream = controlled();
  const { chunks } = collect(withHeartbeat(upstream.source, { interval: INTERVAL, clock }));
  for (const [index, piece] of pieces.entries()) {
    upstream.enqueue(piece);
    await clock.advance(index < pieces.length - 1 ? 10 * INTERVAL : 0);
  }
  expect(text(...chunks)).toBe(pieces.join(""));
  await clock.advance(INTERVAL);
  expect(text(...chunks)).toBe(pieces.join("") + HEARTBEAT);
});

test("a byte order mark that comes alone is kept back: a heartbeat may come before it", async () => {
  const clock = createFakeClock();
  for (const silence of [0, INTERVAL]) {
    const upstream = controlled();
    const { chunks, over } = collect(withHeartbeat(upstream.source, { interval: INTERVAL, clock }));
    upstream.enqueue(BOM);
    await clock.advance(silence);
    upstream.enqueue("data: x\n\n");
    upstream.end();
    await over;
    expect(text(...chunks)).toBe(`${silence === 0 ? BOM : HEARTBEAT}data: x\n\n`);
    expect(parse(...chunks).events).toHaveLength(1);
  }
});

test("an incomplete byte order mark is written at the end, unless there was a heartbeat", async () => {
  const clock = createFakeClock();
  for (const silence of [0, INTERVAL]) {
    const upstream = controlled();
    const { chunks, over } = collect(withHeartbeat(upstream.source, { interval: INTERVAL, clock }));
    upstream.enqueue(bytes(BOM).subarray(0, 2));
    await clock.advance(silence);
    upstream.end();
    await over;
    expect(Buffer.concat(chunks)).toEqual(silence === 0 ? Buffer.of(0xef, 0xbb) : Buffer.from(HEARTBEAT));
  }
});

test("with an interval of Infinity there are no heartbeats", async () => {
  const clock = createFakeClock();
  const { chunks } = collect(withHeartbeat(controlled().source, { interval: Infinity, clock }));
  await clock.flush();
  expect(clock.timers).toBe(0);
  expect(chunks).toEqual([]);
});

describe("no timer and no listener is left, and the source is cancelled at most once", () => {
  const reason = new Error("stop");
  const setUp = (cancel?: () => unknown) => {
    const clock = createFakeClock();
    const abort = new AbortController();
    const upstream = controlled(cancel);
    const out = withHeartbeat(upstream.source, { interval: INTERVAL, clock, signal: abort.signal });
    const expectReleased = async (): Promise<void> => {
      await clock.flush();
      expect(clock.timers).toBe(0);
      expect(getEventListeners(abort.signal, "abort")).toEqual([]);
      abort.abort(new Error("too late"));
      await clock.advance(10 * INTERVAL);
      expect(clock.timers).toBe(0);
    };
    return { clock, abort, upstream, out, expectReleased };
  };

  test("while it is read there is one timer and one listener", async () => {
    const { clock, abort, out } = setUp();
    collect(out);
    await clock.flush();
    expect(clock.timers).toBe(1);
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(1);
  });

  test.each<[string, string]>([
    ["between events", "data: x\n\n"],
    ["inside an event", "data: x\n"],
    ["before the first chunk", ""],
  ])("after its end, %s", async (_, before) => {
    const { clock, upstream, out, expectReleased } = setUp();
    const { chunks, over } = collect(out);
    upstream.enqueue(before);
    await clock.flush();
    upstream.end();
    await over;
    expect(text(...chunks)).toBe(before);
    await expectReleased();
    expect(upstream.cancelled).toEqual([]);
  });

  test("after an end without a pending read, and reads after it", async () => {
    const { clock, upstream, out, expectReleased } = setUp();
    upstream.end();
    await clock.advance(10 * INTERVAL);
    const reader = out.getReader();
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    await reader.cancel(reason);
    await expectReleased();
    expect(upstream.cancelled).toEqual([]);
  });

  test("after an error of the source, which comes after the earlier chunks", async () => {
    const { clock, upstream, out, expectReleased } = setUp();
    const { chunks, over } = collect(out);
    upstream.enqueue("data: x\n");
    await clock.flush();
    upstream.fail(reason);
    expect(await over).toBe(reason);
    expect(text(...chunks)).toBe("data: x\n");
    await expectReleased();
    expect(upstream.cancelled).toEqual([]);
  });

  test("after an error of the source without a pending read", async () => {
    const { clock, upstream, out, expectReleased } = setUp();
    upstream.fail(reason);
    await clock.advance(10 * INTERVAL);
    expect(await collect(out).over).toBe(reason);
    await expectReleased();
  });

  test("after a cancel", async () => {
    const { upstream, out, expectReleased } = setUp();
    await out.cancel(reason);
    await expectReleased();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after a cancel while a read is pending", async () => {
    const { clock, upstream, out, expectReleased } = setUp();
    const reader = out.getReader();
    const read = reader.read();
    await clock.flush();
    await reader.cancel(reason);
    expect(await read).toEqual({ done: true, value: undefined });
    await expectReleased();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after a cancel right after a heartbeat", async () => {
    const { clock, upstream, out, expectReleased } = setUp();
    const reader = out.getReader();
    const read = reader.read();
    await clock.advance(INTERVAL);
    await read;
    await reader.cancel(reason);
    await expectReleased();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after an abort while a read is pending", async () => {
    const { clock, abort, upstream, out, expectReleased } = setUp();
    const { over } = collect(out);
    await clock.flush();
    abort.abort(reason);
    expect(await over).toBe(reason);
    await out.cancel().catch(() => undefined);
    await expectReleased();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after an abort before the first read, or between two", async () => {
    const { clock, abort, upstream, out, expectReleased } = setUp();
    await clock.flush();
    abort.abort(reason);
    await expect(out.getReader().read()).rejects.toBe(reason);
    await expectReleased();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after an abort together with a chunk", async () => {
    const { clock, abort, upstream, out, expectReleased } = setUp();
    const { chunks, over } = collect(out);
    await clock.flush();
    upstream.enqueue("data: x\n\n");
    abort.abort(reason);
    expect(await over).toBe(reason);
    await expectReleased();
    expect(chunks).toEqual([]);
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("with a signal that has already aborted", async () => {
    const clock = createFakeClock();
    const signal = AbortSignal.abort(reason);
    const upstream = controlled();
    const out = withHeartbeat(upstream.source, { signal, clock });
    await expect(out.getReader().read()).rejects.toBe(reason);
    expect(upstream.cancelled).toEqual([reason]);
    expect(clock.timers).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("after an abort, when the cancel of the source rejects: the rejection is handled", async () => {
    const { clock, abort, upstream, out, expectReleased } = setUp(() => Promise.reject(new Error("no")));
    const { over } = collect(out);
    await clock.flush();
    abort.abort(reason);
    expect(await over).toBe(reason);
    await expectReleased();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after a cancel, when that of the source rejects: the caller gets the error", async () => {
    const { upstream, out, expectReleased } = setUp(() => Promise.reject(new Error("no")));
    await expect(out.cancel(reason)).rejects.toThrow("no");
    await expectReleased();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after a chunk that is neither bytes nor text, which is an error and cancels the source", async () => {
    const { clock, out, upstream, expectReleased } = setUp();
    const { over } = collect(out);
    upstream.enqueue("data: x\n\n");
    await clock.flush();
    upstream.enqueue(Object("text") as never);
    const error = await over;
    expect(error).toMatchObject({ code: "INVALID_OPTION" });
    await expectReleased();
    expect(upstream.cancelled).toEqual([error]);
  });
});

describe("a response", () => {
  const eventStream = { "content-type": "text/event-stream; charset=utf-8" };

  test("that is an event stream keeps its status and headers, except for the content length", async () => {
    const headers = new Headers({ ...eventStream, "content-length": "9", "x-own": "kept" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    const original = new Response("data: x\n\n", { status: 201, statusText: "Made", headers });
    const response = withHeartbeat(original);
    expect(response).not.toBe(original);
    expect([response.status, response.statusText]).toEqual([201, "Made"]);
    expect([...response.headers]).toEqual([
      ["content-type", "text/event-stream; charset=utf-8"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["x-own", "kept"],
    ]);
    expect(original.headers.get("content-length")).toBe("9");
    expect(await response.text()).toBe("data: x\n\n");
  });

  test.each<[string, () => Response]>([
    ["JSON", () => Response.json({ jsonrpc: "2.0" })],
    ["no type", () => new Response(new ReadableStream())],
    [
      "a type that only begins the same",
      () => new Response("x", { headers: { "content-type": "text/event-streams" } }),
    ],
    ["no body", () => new Response(null, { headers: eventStream })],
    ["204", () => new Response(null, { status: 204, headers: eventStream })],
    ["a network error", () => Response.error()],
    ["gzip", () => new Response("x", { headers: { ...eventStream, "content-encoding": "gzip" } })],
    ["br on gzip", () => new Response("x", { headers: { ...eventStream, "content-encoding": "gzip, br" } })],
  ])("that is not a readable event stream is returned unchanged: %s", (_, make) => {
    const original = make();
    expect(withHeartbeat(original, { signal: AbortSignal.abort() })).toBe(original);
    expect(original.bodyUsed).toBe(false);
  });

  test.each<[string, Record<string, string>]>([
    ["identity", { ...eventStream, "content-encoding": "identity" }],
    ["capitals", { "Content-Type": " Text/Event-Stream ;charset=utf-8" }],
  ])("that is an event stream, written differently, gets heartbeats: %s", async (_, headers) => {
    const clock = createFakeClock();
    const { body } = withHeartbeat(new Response(controlled().source, { headers }), { interval: 5, clock });
    const { chunks } = collect(body as ReadableStream<Bytes>);
    await clock.advance(5);
    expect(text(...chunks)).toBe(HEARTBEAT);
  });

  test("is aborted by the signal", async () => {
    const upstream = controlled();
    const abort = new AbortController();
    const response = withHeartbeat(new Response(upstream.source, { headers: eventStream }), {
      signal: abort.signal,
    });
    const read = response.text();
    abort.abort(new Error("gone"));
    await expect(read).rejects.toThrow("gone");
    expect(upstream.cancelled).toHaveLength(1);
  });
});

test.each([0, -1, NaN, "5", null])("an interval of %j is an error, for streams and responses", (interval) => {
  const invalid = expect.objectContaining({ code: "INVALID_OPTION" });
  const options = { interval: interval as number };
  const stream = new ReadableStream<Bytes>();
  expect(() => withHeartbeat(stream, options)).toThrow(invalid);
  expect(() => withHeartbeat(Response.json({}), options)).toThrow(invalid);
  expect(stream.locked).toBe(false);
});

test("a locked stream, and a body that is read already, are errors at once", async () => {
  const stream = new ReadableStream<Bytes>();
  stream.getReader();
  expect(() => withHeartbeat(stream)).toThrow(TypeError);
  const response = new Response("data: x\n\n", { headers: { "content-type": "text/event-stream" } });
  void response.body?.getReader();
  expect(() => withHeartbeat(response)).toThrow(TypeError);
});

describe("it works, and can be cancelled, through the streams of the platform:", () => {
  const setUp = () => {
    const clock = createFakeClock();
    const upstream = controlled();
    const out = withHeartbeat(upstream.source, { interval: INTERVAL, clock });
    const expectAlive = async (
      ...consumers: { chunks: Uint8Array[]; leave: () => unknown }[]
    ): Promise<void> => {
      upstream.enqueue("data: x\n\n");
      await clock.advance(INTERVAL);
      upstream.enqueue("data: y\n\n");
      await clock.flush();
      await clock.flush();
      for (const { chunks } of consumers) expect(text(...chunks)).toBe(`data: x\n\n${HEARTBEAT}data: y\n\n`);
      await Promise.all(consumers.map(({ leave }) => leave()));
      await clock.flush();
      expect(upstream.cancelled).toHaveLength(1);
      expect(clock.timers).toBe(0);
    };
    return { out, expectAlive };
  };

  test("a new Response", async () => {
    const { out, expectAlive } = setUp();
    await expectAlive(collect(new Response(out).body as ReadableStream<Bytes>));
  });

  test("tee", async () => {
    const { out, expectAlive } = setUp();
    await expectAlive(...out.tee().map((branch) => collect(branch)));
  });

  test("pipeThrough", async () => {
    const { out, expectAlive } = setUp();
    await expectAlive(collect(out.pipeThrough(new TransformStream<Bytes, Bytes>())));
  });

  test("Readable.fromWeb", async () => {
    const { out, expectAlive } = setUp();
    const chunks: Buffer[] = [];
    const readable = Readable.fromWeb(out as never).on("data", (chunk: Buffer) => chunks.push(chunk));
    await expectAlive({ chunks, leave: () => readable.destroy() });
  });
});

describe("a stream of text", () => {
  const outputOf = async (
    chunks: readonly (string | Bytes)[],
    clock = createFakeClock(),
  ): Promise<string> => {
    const out = withHeartbeat(ReadableStream.from(chunks), { interval: INTERVAL, clock });
    const received = [];
    for await (const chunk of out) {
      expect(chunk).toBeInstanceOf(Uint8Array);
      received.push(chunk);
    }
    return text(...received);
  };

  test("comes out as UTF-8 bytes, however its characters are split into chunks", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), fc.nat(3), async (line, size) => {
        const whole = `data: ${line}☀️😀\n\n`;
        const chunks = whole.match(new RegExp(`[^]{1,${size + 1}}`, "g")) ?? [];
        expect(await outputOf(chunks)).toBe(whole);
      }),
      { numRuns: 100 },
    );
  });

  test("may have half a surrogate pair, which comes out as U+FFFD, and chunks of bytes between", async () => {
    expect(await outputOf(["data: \ud83d"])).toBe("data: \ufffd");
    expect(await outputOf(["data: \ude00\n\n"])).toBe("data: \ufffd\n\n");
    expect(await outputOf(["data: \ud83d", bytes("x\n\n"), "", "data: y\n\n"])).toBe(
      "data: \ufffdx\n\ndata: y\n\n",
    );
    expect(await outputOf([BOM, "data: x\n\n"])).toBe(`${BOM}data: x\n\n`);
  });

  test("gets heartbeats between its events, and not inside one", async () => {
    const clock = createFakeClock();
    let controller!: ReadableStreamDefaultController<string>;
    const source = new ReadableStream<string>({ start: (given) => void (controller = given) });
    const { chunks, over } = collect(withHeartbeat(source, { interval: INTERVAL, clock }));
    controller.enqueue("data: 😀\n");
    await clock.advance(2 * INTERVAL);
    controller.enqueue("\n");
    await clock.advance(INTERVAL);
    controller.close();
    await over;
    expect(text(...chunks)).toBe(`data: 😀\n\n${HEARTBEAT}`);
  });

  test("can be the body of a response", async () => {
    const events = ReadableStream.from(["data: x\n\n"]) as unknown as ReadableStream<Bytes>;
    const source = new Response(events, { headers: { "content-type": "text/event-stream" } });
    expect(await withHeartbeat(source).text()).toBe("data: x\n\n");
  });
});

test("the result has the type of the source", () => {
  const response = new Response(null);
  expectTypeOf(withHeartbeat(response)).toEqualTypeOf<Response>();
  const own = new ReadableStream<Uint8Array<ArrayBuffer>>();
  expectTypeOf(withHeartbeat(own)).toEqualTypeOf<ReadableStream<Uint8Array<ArrayBuffer>>>();
  const foreign = new ReadableStream<Uint8Array>();
  expectTypeOf(withHeartbeat(foreign)).toEqualTypeOf<ReadableStream<Uint8Array>>();
  const text = new ReadableStream<string>();
  expectTypeOf(withHeartbeat(text)).toEqualTypeOf<ReadableStream<Uint8Array<ArrayBuffer>>>();
  const mixed = new ReadableStream<Uint8Array<ArrayBuffer> | string>();
  expectTypeOf(withHeartbeat(mixed)).toEqualTypeOf<ReadableStream<Uint8Array<ArrayBuffer>>>();
  // @ts-expect-error A stream of objects has neither bytes nor text.
  expectTypeOf<typeof withHeartbeat>().toBeCallableWith(new ReadableStream<object>());
});
