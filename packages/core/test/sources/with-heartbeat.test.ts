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

/** A source whose every step the test decides. */
function controlled(cancel: (reason: unknown) => unknown = () => undefined): {
  source: ReadableStream<Bytes>;
  /** How many chunks were asked for. */
  readonly pulls: number;
  readonly cancelled: unknown[];
  give(chunk: string | Uint8Array): void;
  end(): void;
  fail(error: unknown): void;
} {
  const cancelled: unknown[] = [];
  let controller: ReadableStreamDefaultController<Bytes>;
  let pulls = 0;
  const source = new ReadableStream<Bytes>(
    {
      start: (own) => void (controller = own),
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
    give: (chunk) => controller.enqueue(typeof chunk === "string" ? bytes(chunk) : (chunk as Bytes)),
    end: () => controller.close(),
    fail: (error) => controller.error(error),
  };
}

/** Everything a stream gives to somebody who always has `waiting` reads pending. */
function follow(
  stream: ReadableStream<Bytes>,
  waiting = 1,
): { chunks: Bytes[]; over: Promise<unknown>; leave: (reason?: unknown) => Promise<void> } {
  const reader = stream.getReader();
  const chunks: Bytes[] = [];
  const follower = async (): Promise<void> => {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      chunks.push(value as Bytes);
    }
  };
  const over = Promise.all(Array.from({ length: waiting }, follower)).catch((error: unknown) => error);
  return { chunks, over, leave: (reason) => reader.cancel(reason) };
}

describe("an event stream, in any pieces", () => {
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
      // A byte order mark belongs to the first line, which is not blank.
      first: line,
      blocks: fc.array(fc.array(line, { maxLength: 4 }), { maxLength: 5 }),
      // One kind, or all kinds mixed.
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

  test("is what it was, byte by byte, if it is never silent", async () => {
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

  /** By the letter of the standard: only blank lines since the last event, or since the beginning. */
  const isBetweenEvents = (before: string): boolean => /^$|(^|\n)\n$/.test(before.replaceAll(/\r\n?/g, "\n"));

  test("has a heartbeat for each interval that it is silent between events, and nowhere else", async () => {
    const silences = fc.infiniteStream(silence);
    const waiting = fc.integer({ min: 1, max: 3 });
    await fc.assert(
      fc.asyncProperty(pieces, silences, waiting, async ({ bom, chunks }, silent, reads) => {
        const clock = createFakeClock();
        const upstream = controlled();
        const out = withHeartbeat(upstream.source, { interval: INTERVAL, clock });
        const { chunks: received, over } = follow(out, reads);
        let expected = "";
        let given = Buffer.alloc(0);
        let lastOut = 0;

        for (const chunk of [...chunks, undefined]) {
          await clock.advance(silent.next().value);
          const before = given.toString("latin1").slice(bom === "" ? 0 : 3);
          if (isBetweenEvents(before)) {
            for (; lastOut + INTERVAL <= clock.now(); lastOut += INTERVAL) expected += HEARTBEAT;
          }
          if (chunk === undefined) break;
          upstream.give(chunk);
          await clock.flush();
          given = Buffer.concat([given, chunk]);
          const news = given.toString("latin1").slice((bom === "" ? 0 : 3) + before.length);
          // A byte order mark waits for what follows it, and goes with a heartbeat before it.
          if (news !== "" && before === "" && expected === "") expected = Buffer.from(bom).toString("latin1");
          if (news !== "") lastOut = clock.now();
          expected += news;
        }
        upstream.end();
        await over;
        expect(Buffer.concat(received).toString("latin1")).toBe(expected);
        expect(clock.timers).toBe(0);

        const [was, is] = [parse(given), parse(...received)];
        expect(is.events).toEqual(was.events);
        expect(is.retries).toEqual(was.retries);
        expect(is.comments.filter((comment) => comment !== "")).toEqual(was.comments);
      }),
      { numRuns: 300 },
    );
  });
});

test.each(["data: x\n\r", "data: x\r\r", "data: x\r\n\r"])(
  "%j may be the end of an event, or the LF of its end may still come: both are between events",
  async (before) => {
    const clock = createFakeClock();
    const upstream = controlled();
    const { chunks, over } = follow(withHeartbeat(upstream.source, { interval: INTERVAL, clock }));
    upstream.give(before);
    await clock.advance(INTERVAL);
    upstream.give("\ndata: y\n\n");
    upstream.end();
    await over;
    expect(text(...chunks)).toBe(`${before}${HEARTBEAT}\ndata: y\n\n`);
    expect(parse(...chunks).events.map(({ data }) => data)).toEqual(["x", "y"]);
  },
);

describe("a consumer", () => {
  test("that does not read gets nothing read ahead and no heartbeats piled up", async () => {
    const clock = createFakeClock();
    const upstream = controlled();
    const reader = withHeartbeat(upstream.source, { interval: INTERVAL, clock }).getReader();
    const reads = async (ms: number): Promise<string> => {
      const read = reader.read();
      await clock.advance(ms);
      return text((await read).value as Bytes);
    };
    const rests = async (): Promise<void> => {
      await clock.advance(10 * INTERVAL);
      expect(clock.timers).toBe(0);
    };
    await rests();
    expect(upstream.pulls).toBe(0);
    expect(await reads(0)).toBe(HEARTBEAT);
    await rests();
    expect(await reads(0)).toBe(HEARTBEAT);
    expect(await reads(INTERVAL)).toBe(HEARTBEAT);
    await rests();
    expect(upstream.pulls).toBe(1);

    upstream.give("data: x\n\n");
    await rests();
    expect(await reads(0)).toBe("data: x\n\n");
    await rests();
    expect(upstream.pulls).toBe(1);

    const read = reader.read();
    upstream.give("data: y\n\n");
    expect(text((await read).value as Bytes)).toBe("data: y\n\n");
    await rests();
    expect(upstream.pulls).toBe(2);
  });

  test("that turns away while it reads finds one heartbeat, and not one for each interval", async () => {
    const clock = createFakeClock();
    const upstream = controlled();
    const out = withHeartbeat(upstream.source, { interval: INTERVAL, clock });
    const reader = out.getReader();
    const abandoned = reader.read().catch(() => "abandoned");
    await clock.flush();
    reader.releaseLock();
    expect(await abandoned).toBe("abandoned");
    await clock.advance(10 * INTERVAL);
    const { chunks } = follow(out);
    await clock.flush();
    expect(text(...chunks)).toBe(HEARTBEAT);
    expect(clock.timers).toBe(1);
  });

  test("with several reads pending has each answered by the next chunk, and by nothing else", async () => {
    const clock = createFakeClock();
    const upstream = controlled();
    const reader = withHeartbeat(upstream.source, { interval: INTERVAL, clock }).getReader();
    const answers: string[] = [];
    for (let count = 0; count < 4; count++) {
      void reader.read().then(({ value }) => answers.push(text(value as Bytes)));
    }
    for (const chunk of ["data: a\n\n", "data: b\n\n", "data: c\n\n", "data: d\n\n"]) {
      await clock.advance(INTERVAL - 1);
      upstream.give(chunk);
      await clock.flush();
      expect(answers.at(-1)).toBe(chunk);
    }
    expect([answers.length, clock.timers]).toEqual([4, 0]);
  });

  test("may do what it likes with the memory of a heartbeat", async () => {
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
])(
  "an event that comes in the pieces %j has no heartbeat inside, however slowly it comes",
  async (pieces) => {
    const clock = createFakeClock();
    const upstream = controlled();
    const { chunks } = follow(withHeartbeat(upstream.source, { interval: INTERVAL, clock }));
    for (const [index, piece] of pieces.entries()) {
      upstream.give(piece);
      await clock.advance(index < pieces.length - 1 ? 10 * INTERVAL : 0);
    }
    expect(text(...chunks)).toBe(pieces.join(""));
    await clock.advance(INTERVAL);
    expect(text(...chunks)).toBe(pieces.join("") + HEARTBEAT);
  },
);

test("a byte order mark that comes alone is kept until it is known where it belongs", async () => {
  const clock = createFakeClock();
  for (const silence of [0, INTERVAL]) {
    const upstream = controlled();
    const { chunks, over } = follow(withHeartbeat(upstream.source, { interval: INTERVAL, clock }));
    upstream.give(BOM);
    await clock.advance(silence);
    upstream.give("data: x\n\n");
    upstream.end();
    await over;
    expect(text(...chunks)).toBe(`${silence === 0 ? BOM : HEARTBEAT}data: x\n\n`);
    expect(parse(...chunks).events).toHaveLength(1);
  }
});

test("nothing but the beginning of a byte order mark is given at the end, unless a heartbeat was", async () => {
  const clock = createFakeClock();
  for (const silence of [0, INTERVAL]) {
    const upstream = controlled();
    const { chunks, over } = follow(withHeartbeat(upstream.source, { interval: INTERVAL, clock }));
    upstream.give(bytes(BOM).subarray(0, 2));
    await clock.advance(silence);
    upstream.end();
    await over;
    expect(Buffer.concat(chunks)).toEqual(silence === 0 ? Buffer.of(0xef, 0xbb) : Buffer.from(HEARTBEAT));
  }
});

test("an interval of Infinity is none", async () => {
  const clock = createFakeClock();
  const { chunks } = follow(withHeartbeat(controlled().source, { interval: Infinity, clock }));
  await clock.flush();
  expect(clock.timers).toBe(0);
  expect(chunks).toEqual([]);
});

describe("nothing is left, and the source is told once or not at all", () => {
  const reason = new Error("enough");
  const setUp = (cancel?: () => unknown) => {
    const clock = createFakeClock();
    const peer = new AbortController();
    const upstream = controlled(cancel);
    const out = withHeartbeat(upstream.source, { interval: INTERVAL, clock, signal: peer.signal });
    const nothingLeft = async (): Promise<void> => {
      await clock.flush();
      expect(clock.timers).toBe(0);
      expect(getEventListeners(peer.signal, "abort")).toEqual([]);
      peer.abort(new Error("too late"));
      await clock.advance(10 * INTERVAL);
      expect(clock.timers).toBe(0);
    };
    return { clock, peer, upstream, out, nothingLeft };
  };

  test("while it lives there is one timer and one listener", async () => {
    const { clock, peer, out } = setUp();
    follow(out);
    await clock.flush();
    expect(clock.timers).toBe(1);
    expect(getEventListeners(peer.signal, "abort")).toHaveLength(1);
  });

  test.each<[string, string]>([
    ["between events", "data: x\n\n"],
    ["inside an event", "data: x\n"],
    ["before anything came", ""],
  ])("after its end, %s", async (_, before) => {
    const { clock, upstream, out, nothingLeft } = setUp();
    const { chunks, over } = follow(out);
    upstream.give(before);
    await clock.flush();
    upstream.end();
    await over;
    expect(text(...chunks)).toBe(before);
    await nothingLeft();
    expect(upstream.cancelled).toEqual([]);
  });

  test("after an end that nobody waited for, and reads after it", async () => {
    const { clock, upstream, out, nothingLeft } = setUp();
    upstream.end();
    await clock.advance(10 * INTERVAL);
    const reader = out.getReader();
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    await reader.cancel(reason);
    await nothingLeft();
    expect(upstream.cancelled).toEqual([]);
  });

  test("after an error of the source, which comes out behind what came before", async () => {
    const { clock, upstream, out, nothingLeft } = setUp();
    const { chunks, over } = follow(out);
    upstream.give("data: x\n");
    await clock.flush();
    upstream.fail(reason);
    expect(await over).toBe(reason);
    expect(text(...chunks)).toBe("data: x\n");
    await nothingLeft();
    expect(upstream.cancelled).toEqual([]);
  });

  test("after an error of the source that nobody waited for", async () => {
    const { clock, upstream, out, nothingLeft } = setUp();
    upstream.fail(reason);
    await clock.advance(10 * INTERVAL);
    expect(await follow(out).over).toBe(reason);
    await nothingLeft();
  });

  test("after the consumer cancelled", async () => {
    const { upstream, out, nothingLeft } = setUp();
    await out.cancel(reason);
    await nothingLeft();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after the consumer cancelled while its read was pending", async () => {
    const { clock, upstream, out, nothingLeft } = setUp();
    const reader = out.getReader();
    const read = reader.read();
    await clock.flush();
    await reader.cancel(reason);
    expect(await read).toEqual({ done: true, value: undefined });
    await nothingLeft();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after the consumer cancelled when a heartbeat was its last word", async () => {
    const { clock, upstream, out, nothingLeft } = setUp();
    const reader = out.getReader();
    const read = reader.read();
    await clock.advance(INTERVAL);
    await read;
    await reader.cancel(reason);
    await nothingLeft();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after an abort while a read was pending", async () => {
    const { clock, peer, upstream, out, nothingLeft } = setUp();
    const { over } = follow(out);
    await clock.flush();
    peer.abort(reason);
    expect(await over).toBe(reason);
    await out.cancel().catch(() => undefined);
    await nothingLeft();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after an abort before the first read, or between two", async () => {
    const { clock, peer, upstream, out, nothingLeft } = setUp();
    await clock.flush();
    peer.abort(reason);
    await expect(out.getReader().read()).rejects.toBe(reason);
    await nothingLeft();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("after an abort that came with a chunk", async () => {
    const { clock, peer, upstream, out, nothingLeft } = setUp();
    const { chunks, over } = follow(out);
    await clock.flush();
    upstream.give("data: x\n\n");
    peer.abort(reason);
    expect(await over).toBe(reason);
    await nothingLeft();
    expect(chunks).toEqual([]);
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("when it was aborted already", async () => {
    const clock = createFakeClock();
    const signal = AbortSignal.abort(reason);
    const upstream = controlled();
    const out = withHeartbeat(upstream.source, { signal, clock });
    await expect(out.getReader().read()).rejects.toBe(reason);
    expect(upstream.cancelled).toEqual([reason]);
    expect(clock.timers).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("by an abort, though the source's cancel rejects: nobody waits for it, and nothing is unhandled", async () => {
    const { clock, peer, upstream, out, nothingLeft } = setUp(() => Promise.reject(new Error("no")));
    const { over } = follow(out);
    await clock.flush();
    peer.abort(reason);
    expect(await over).toBe(reason);
    await nothingLeft();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("by a cancel, though the source's cancel rejects: who cancels is told", async () => {
    const { upstream, out, nothingLeft } = setUp(() => Promise.reject(new Error("no")));
    await expect(out.cancel(reason)).rejects.toThrow("no");
    await nothingLeft();
    expect(upstream.cancelled).toEqual([reason]);
  });

  test("by a source that gives anything but bytes: it is refused, and cancelled", async () => {
    const { clock, out, upstream, nothingLeft } = setUp();
    const { over } = follow(out);
    upstream.give("data: x\n\n");
    await clock.flush();
    upstream.give(Object("text") as never);
    const error = await over;
    expect(error).toMatchObject({ code: "INVALID_OPTION" });
    await nothingLeft();
    expect(upstream.cancelled).toEqual([error]);
  });
});

describe("a response", () => {
  const eventStream = { "content-type": "text/event-stream; charset=utf-8" };

  test("of an event stream keeps its status and its headers, but not the length that it had", async () => {
    const headers = new Headers({ ...eventStream, "content-length": "9", "x-own": "kept" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    const given = new Response("data: x\n\n", { status: 201, statusText: "Made", headers });
    const response = withHeartbeat(given);
    expect(response).not.toBe(given);
    expect([response.status, response.statusText]).toEqual([201, "Made"]);
    expect([...response.headers]).toEqual([
      ["content-type", "text/event-stream; charset=utf-8"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["x-own", "kept"],
    ]);
    expect(given.headers.get("content-length")).toBe("9");
    expect(await response.text()).toBe("data: x\n\n");
  });

  test.each<[string, () => Response]>([
    ["JSON", () => Response.json({ jsonrpc: "2.0" })],
    ["no type", () => new Response(new ReadableStream())],
    [
      "a type that only begins alike",
      () => new Response("x", { headers: { "content-type": "text/event-streams" } }),
    ],
    ["no body", () => new Response(null, { headers: eventStream })],
    ["204", () => new Response(null, { status: 204, headers: eventStream })],
    ["a network error", () => Response.error()],
    ["gzip", () => new Response("x", { headers: { ...eventStream, "content-encoding": "gzip" } })],
    ["br on gzip", () => new Response("x", { headers: { ...eventStream, "content-encoding": "gzip, br" } })],
  ])("that is no readable event stream is returned as it is: %s", (_, make) => {
    const given = make();
    expect(withHeartbeat(given, { signal: AbortSignal.abort() })).toBe(given);
    expect(given.bodyUsed).toBe(false);
  });

  test.each<[string, Record<string, string>]>([
    ["identity", { ...eventStream, "content-encoding": "identity" }],
    ["capitals", { "Content-Type": " Text/Event-Stream ;charset=utf-8" }],
  ])("that is one, differently written, is not: %s", async (_, headers) => {
    const clock = createFakeClock();
    const { body } = withHeartbeat(new Response(controlled().source, { headers }), { interval: 5, clock });
    const { chunks } = follow(body as ReadableStream<Bytes>);
    await clock.advance(5);
    expect(text(...chunks)).toBe(HEARTBEAT);
  });

  test("is aborted as a stream is", async () => {
    const upstream = controlled();
    const peer = new AbortController();
    const response = withHeartbeat(new Response(upstream.source, { headers: eventStream }), {
      signal: peer.signal,
    });
    const read = response.text();
    peer.abort(new Error("gone"));
    await expect(read).rejects.toThrow("gone");
    expect(upstream.cancelled).toHaveLength(1);
  });
});

test.each([0, -1, NaN, "5", null])(
  "an interval of %j is refused at the door, whatever it is for",
  (interval) => {
    const refused = expect.objectContaining({ code: "INVALID_OPTION" });
    const options = { interval: interval as number };
    const stream = new ReadableStream<Bytes>();
    expect(() => withHeartbeat(stream, options)).toThrow(refused);
    expect(() => withHeartbeat(Response.json({}), options)).toThrow(refused);
    expect(stream.locked).toBe(false);
  },
);

test("a locked stream, and a body that was read, are refused at once", async () => {
  const stream = new ReadableStream<Bytes>();
  stream.getReader();
  expect(() => withHeartbeat(stream)).toThrow(TypeError);
  const response = new Response("data: x\n\n", { headers: { "content-type": "text/event-stream" } });
  void response.body?.getReader();
  expect(() => withHeartbeat(response)).toThrow(TypeError);
});

describe("it lives on, and can be left, through what platforms do with streams:", () => {
  const setUp = () => {
    const clock = createFakeClock();
    const upstream = controlled();
    const out = withHeartbeat(upstream.source, { interval: INTERVAL, clock });
    const lives = async (...consumers: { chunks: Uint8Array[]; leave: () => unknown }[]): Promise<void> => {
      upstream.give("data: x\n\n");
      await clock.advance(INTERVAL);
      upstream.give("data: y\n\n");
      await clock.flush();
      await clock.flush();
      for (const { chunks } of consumers) expect(text(...chunks)).toBe(`data: x\n\n${HEARTBEAT}data: y\n\n`);
      await Promise.all(consumers.map(({ leave }) => leave()));
      await clock.flush();
      expect(upstream.cancelled).toHaveLength(1);
      expect(clock.timers).toBe(0);
    };
    return { out, lives };
  };

  test("a new Response", async () => {
    const { out, lives } = setUp();
    await lives(follow(new Response(out).body as ReadableStream<Bytes>));
  });

  test("tee", async () => {
    const { out, lives } = setUp();
    await lives(...out.tee().map((branch) => follow(branch)));
  });

  test("pipeThrough", async () => {
    const { out, lives } = setUp();
    await lives(follow(out.pipeThrough(new TransformStream<Bytes, Bytes>())));
  });

  test("Readable.fromWeb", async () => {
    const { out, lives } = setUp();
    const chunks: Buffer[] = [];
    const readable = Readable.fromWeb(out as never).on("data", (chunk: Buffer) => chunks.push(chunk));
    await lives({ chunks, leave: () => readable.destroy() });
  });
});

test("what comes out has the type of what went in", () => {
  const response = new Response(null);
  expectTypeOf(withHeartbeat(response)).toEqualTypeOf<Response>();
  const own = new ReadableStream<Uint8Array<ArrayBuffer>>();
  expectTypeOf(withHeartbeat(own)).toEqualTypeOf<ReadableStream<Uint8Array<ArrayBuffer>>>();
  const foreign = new ReadableStream<Uint8Array>();
  expectTypeOf(withHeartbeat(foreign)).toEqualTypeOf<ReadableStream<Uint8Array>>();
  // @ts-expect-error A stream of text has no bytes to count.
  expectTypeOf<typeof withHeartbeat>().toBeCallableWith(new ReadableStream<string>());
});
