import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { SseEvent } from "../../src/protocol/event.ts";
import type { Observer } from "../../src/protocol/observer.ts";
import type { CloseReason } from "../../src/protocol/reasons.ts";
import { serve } from "../../src/connection/serve.ts";
import type { BareConnection, BareFunction, BareSource, Source } from "../../src/connection/source.ts";
import { createFakeClock, createMemoryClient } from "../../src/testing/index.ts";
import { type TestClient, createTestRegistry, type TestRegistry } from "../support/test-registry.ts";

const FIRST = "retry: 1500\n\n";
const LAST = "id: iiiiiiiiii.0.end\n\n";

const data = (...items: unknown[]): string => items.map((item) => `data: ${String(item)}\n\n`).join("");
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const forever = (): Promise<never> => new Promise(() => undefined);
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

async function* list<Item>(...items: Item[]): AsyncGenerator<Item> {
  yield* items;
}

/** The connection that a function was given, and the client that it serves. */
function connectTo(
  { connect }: TestRegistry,
  options?: Parameters<TestRegistry["connect"]>[1],
  source?: BareFunction,
) {
  let connection: BareConnection | undefined;
  const client = connect((given) => {
    connection = given;
    return source?.(given);
  }, options);
  return { client, connection: connection as BareConnection };
}

/** Nothing is left of an answer that is over. */
async function nothingLeft({ clock, observed }: TestRegistry, client: TestClient): Promise<void> {
  await client.over;
  await clock.flush();
  expect(clock.timers).toBe(0);
  expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
  expect(observed.connectionClosed).toHaveLength(observed.connectionOpened.length);
}

const reason = ({ observed }: TestRegistry): unknown => observed.connectionClosed.at(-1)?.reason;

/** Every kind of source, each giving the same three events. */
const kinds: [string, () => BareSource][] = [
  ["an async iterable", () => list<SseEvent>({ data: 1 }, { data: 2 }, { data: 3 })],
  ["a web stream", () => ReadableStream.from(list<SseEvent>({ data: 1 }, { data: 2 }, { data: 3 }))],
  ["a function that gives an iterable", () => () => list({ data: 1 }, { data: 2 }, { data: 3 })],
  [
    "a function that gives a stream",
    () => () => ReadableStream.from([{ data: 1 }, { data: 2 }, { data: 3 }]),
  ],
  ["a function that promises an iterable", () => async () => list({ data: 1 }, { data: 2 }, { data: 3 })],
  [
    "a function that promises a stream",
    () => async () => ReadableStream.from([{ data: 1 }, { data: 2 }, { data: 3 }]),
  ],
  [
    "a generator function that looks at its connection",
    () =>
      async function* ({ signal }) {
        for (let count = 1; count <= 3 && !signal.aborted; count++) yield { data: count };
      },
  ],
  [
    "a function that pushes and closes",
    () =>
      ({ push, close }) => {
        for (const count of [1, 2, 3]) push({ data: count });
        close();
      },
  ],
  [
    "a function that pushes and closes later",
    () => async (connection) => {
      for (const count of [1, 2, 3]) {
        await Promise.resolve();
        connection.push({ data: count });
      }
      connection.close();
    },
  ],
  [
    "a function that pushes, then gives an iterable",
    () =>
      ({ push }) => {
        push({ data: 1 });
        return list({ data: 2 }, { data: 3 });
      },
  ],
  [
    "a function that closes, and gives a cleanup",
    () =>
      ({ push, close }) => {
        for (const count of [1, 2, 3]) push({ data: count });
        close();
        return () => undefined;
      },
  ],
];

describe.each(kinds)("%s", (_, make) => {
  test("is served to its end: `retry:`, its events, and an id that stops its client", async () => {
    const world = createTestRegistry();
    const client = world.connect(make());
    expect(client.text.startsWith(FIRST)).toBe(true);
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1, 2, 3) + LAST);
    expect(client.state).toBe("flushed");
    expect(world.observed.failed).toEqual([]);
    expect(world.observed.connectionClosed).toMatchObject([
      { reason: "closed", events: 3, bytes: client.text.length },
    ]);
    await nothingLeft(world, client);
  });

  test("is served to a client that takes a byte now and then", async () => {
    const world = createTestRegistry();
    const client = createMemoryClient();
    client.stall();
    const { clock } = world;
    const over = serve(client.request, client.open, make(), { clock, random: () => 0.5 });
    for (let count = 0; count < 10; count++) {
      await clock.flush();
      client.drain();
      client.stall();
    }
    expect(client.text).toBe(FIRST + data(1, 2, 3) + LAST);
    expect(client.state).toBe("flushed");
    await over;
    expect(clock.timers).toBe(0);
  });

  test("is dispatched nothing by its first and its last block", async () => {
    const world = createTestRegistry();
    const client = world.connect(make(), { serve: { control: false } });
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1, 2, 3) + LAST);
    expect(client.blocks).toHaveLength(3);
  });
});

const abortedFor = (reason: string): unknown => expect.objectContaining({ code: "ABORTED", cause: reason });

describe("a source that is not wanted", () => {
  /** A function, a generator, a stream and an iterable, each with what tells whether it was run or let go. */
  function watched() {
    const run = vi.fn<() => void>();
    const released = vi.fn<() => void>();
    const iterator = {
      next: forever,
      return: async () => (released(), { done: true as const, value: undefined }),
    };
    const sources: Source[] = [
      run,
      (async function* () {
        run();
        yield {};
      })(),
      new ReadableStream<SseEvent>({ pull: run, cancel: released }, { highWaterMark: 0 }),
      { [Symbol.asyncIterator]: () => iterator },
    ];
    return { run, released, sources };
  }

  test.each([
    ["a client that has everything", { cursor: "abcdefghij.0.end" }, 204, { "cache-control": "no-store" }],
    [
      "a client that has some stream's end",
      { cursor: "abcdefghij.99.end" },
      204,
      { "cache-control": "no-store" },
    ],
    ["a HEAD request", { method: "HEAD" }, 200, { "content-type": "text/event-stream" }],
  ])("by %s is not run, and let go", async (_, options, status, headers) => {
    const world = createTestRegistry();
    const { run, released, sources } = watched();
    for (const source of sources) {
      const client = world.connect(source, options);
      expect([client.status, client.text, client.state]).toEqual([status, "", "flushed"]);
      expect(client.headers).toMatchObject(headers);
      await nothingLeft(world, client);
    }
    expect(run).not.toHaveBeenCalled();
    expect(released).toHaveBeenCalledTimes(2);
    expect(world.observed.connectionOpened).toEqual([]);
    expect(world.observed.failed).toEqual([]);
  });

  test("by a client that was gone before is not run, and let go", async () => {
    const { run, released, sources } = watched();
    for (const source of sources) {
      const client = createMemoryClient();
      client.leave();
      await serve(client.request, client.open, source);
      expect([client.status, client.text]).toEqual([499, ""]);
    }
    expect(run).not.toHaveBeenCalled();
    expect(released).toHaveBeenCalledTimes(2);
  });

  test("by a client that leaves during the first write is not run, and let go", async () => {
    const world = createTestRegistry();
    const { run, released, sources } = watched();
    for (const source of sources) {
      const client = createMemoryClient();
      const over = serve(
        client.request,
        (...args) => {
          const sink = client.open(...args);
          return { ...sink, write: (bytes) => (client.leave(), sink.write(bytes)) };
        },
        source,
        world,
      );
      await over;
      expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
    }
    await world.clock.flush();
    expect(run).not.toHaveBeenCalled();
    expect(released).toHaveBeenCalledTimes(2);
    expect(world.clock.timers).toBe(0);
  });

  test("because the response cannot begin is not run, and let go; the reason is thrown", async () => {
    const world = createTestRegistry();
    const { run, released, sources } = watched();
    for (const source of sources) {
      const { request } = createMemoryClient();
      const open = (): never => {
        throw new Error("headers were sent");
      };
      await expect(serve(request, open, source, world)).rejects.toThrow("headers were sent");
      expect(getEventListeners(request.signal, "abort")).toEqual([]);
    }
    await world.clock.flush();
    expect(run).not.toHaveBeenCalled();
    expect(released).toHaveBeenCalledTimes(2);
    expect(world.clock.timers).toBe(0);
  });

  test("and cannot be let go is told to the observer alone", async () => {
    const world = createTestRegistry();
    const locked = new ReadableStream<SseEvent>();
    locked.getReader();
    const stuck = new ReadableStream<SseEvent>({ cancel: () => Promise.reject(new Error("stuck")) });
    for (const source of [locked, stuck]) {
      const client = world.connect(source, { method: "HEAD" });
      expect(client.status).toBe(200);
      await nothingLeft(world, client);
    }
    expect(world.observed.failed.map(({ stage }) => stage)).toEqual(["source", "source"]);
  });
});

describe("a function is told where its client was", () => {
  test.each([
    undefined,
    "41",
    "abcdefghij.7",
    " any text, 日本 ",
    "x".repeat(10_000),
    "1.end",
    "abcdefghij.00.end",
  ])("%j, as it came", (cursor) => {
    const { connection, client } = connectTo(createTestRegistry(), cursor === undefined ? {} : { cursor });
    expect(client.status).toBe(200);
    expect(connection.lastEventId).toBe(cursor);
  });
});

test("events go out with the fields that they were given, and no others", async () => {
  const world = createTestRegistry();
  const events: SseEvent[] = [
    { id: "1", event: "row", data: { n: 1 } },
    { data: "a\nb", comment: "hi", retry: 5 },
    { id: "" },
  ];
  const client = world.connect(list(...events));
  await world.clock.flush();
  const text = 'event: row\nid: 1\ndata: {"n":1}\n\n: hi\nretry: 5\ndata: a\ndata: b\n\nid: \ndata: \n\n';
  expect(client.text).toBe(FIRST + text + LAST);
});

describe("a source that fails", () => {
  const secret = new Error("password authentication failed for user postgres");
  async function* generator(error: unknown): AsyncGenerator<SseEvent> {
    yield { data: 1 };
    throw error;
  }
  const failing: [string, (error: unknown) => BareSource][] = [
    ["a generator", generator],
    ["a web stream", (error) => ReadableStream.from(generator(error))],
    [
      "a function",
      (error) =>
        ({ push }) => {
          push({ data: 1 });
          throw error;
        },
    ],
    [
      "a function that promises",
      (error) => async (connection) => {
        connection.push({ data: 1 });
        await Promise.reject(error as Error);
      },
    ],
    [
      "an iterable that cannot even begin",
      (error) =>
        ({ push }) => {
          push({ data: 1 });
          return {
            [Symbol.asyncIterator]() {
              throw error;
            },
          };
        },
    ],
  ];
  const told = (error: object): string => `event: stream.error\ndata: ${JSON.stringify(error)}\n\n`;

  test.each(failing)(
    "ends its response behind what came before, and keeps its text to itself: %s",
    async (_, make) => {
      const world = createTestRegistry();
      const client = world.connect(make(secret));
      await world.clock.flush();
      const error = told({ code: "SOURCE_FAILED", message: "The stream failed.", retryable: false });
      expect(client.text).toBe(FIRST + data(1) + error + LAST);
      expect(world.observed.failed).toEqual([{ id: undefined, stage: "source", error: secret }]);
      expect([reason(world), client.state]).toEqual(["failed", "flushed"]);
      await nothingLeft(world, client);
    },
  );

  test.each<[string, HoldfastError, string]>([
    [
      "its own message",
      new HoldfastError("GONE", "The room is closed.", { cause: secret }),
      told({ code: "GONE", message: "The room is closed.", retryable: false }),
    ],
    [
      "when to come back",
      new HoldfastError("LIMIT_EXCEEDED", "Busy.", { retryable: true, retryAfter: 7_000 }),
      `event: stream.error\nretry: 7000\ndata: {"code":"LIMIT_EXCEEDED","message":"Busy.","retryable":true,"retryAfter":7000}\n\n`,
    ],
    [
      "not what is not for the public",
      new HoldfastError("SOURCE_FAILED", secret.message, { expose: false }),
      told({ code: "SOURCE_FAILED", message: "The stream failed.", retryable: false }),
    ],
  ])("with a HoldfastError tells %s", async (__, error, text) => {
    for (const [, make] of failing) {
      const world = createTestRegistry();
      const client = world.connect(make(error));
      await world.clock.flush();
      expect(client.text).toBe(FIRST + data(1) + text + LAST);
      expect(world.observed.failed).toMatchObject([{ error }]);
    }
  });

  test("says nothing of it to who does not dispatch control events, but not to come back", async () => {
    const world = createTestRegistry();
    const client = world.connect(generator(secret), { serve: { control: false } });
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1) + LAST);
    expect(reason(world)).toBe("failed");
  });

  test("because its stream is read by somebody else has failed, too", async () => {
    const world = createTestRegistry();
    const locked = new ReadableStream<SseEvent>();
    locked.getReader();
    const client = world.connect(locked);
    await world.clock.flush();
    expect(client.events).toEqual([]);
    expect(client.text.endsWith(LAST)).toBe(true);
    expect(world.observed.failed).toMatchObject([{ stage: "source", error: expect.any(TypeError) }]);
    await nothingLeft(world, client);
  });

  test("after it closed has closed, and the observer is told", async () => {
    for (const stalled of [false, true]) {
      const world = createTestRegistry();
      const { promise: asked, reject: fail } = Promise.withResolvers<void>();
      const { client, connection } = connectTo(world, {}, () => asked);
      if (stalled) client.stall();
      connection.push({ data: 1 });
      await world.clock.flush();
      connection.close();
      fail(secret);
      await world.clock.flush();
      client.drain();
      expect(client.text).toBe(FIRST + data(1) + LAST);
      expect(reason(world)).toBe("closed");
      expect(world.observed.failed).toMatchObject([{ stage: "source", error: secret }]);
      await nothingLeft(world, client);
    }
  });

  test("in its own cleanup disturbs nothing, and the observer is told", async () => {
    for (const cleanup of [
      () => Promise.reject(secret),
      () => {
        throw secret;
      },
    ]) {
      const world = createTestRegistry();
      const { client, connection } = connectTo(world, {}, () => cleanup);
      connection.close();
      expect(client.text).toBe(FIRST + LAST);
      await nothingLeft(world, client);
      expect(world.observed.failed).toEqual([{ id: undefined, stage: "cleanup", error: secret }]);
    }
  });

  test("after its client has left fails for the observer alone, unless it only says that it was aborted", async () => {
    const world = createTestRegistry();
    const gone: BareFunction[] = [
      async ({ signal }) => {
        await untilAborted(signal);
        throw secret;
      },
      async function* ({ signal }) {
        yield { data: 1 };
        await untilAborted(signal);
        throw secret;
      },
      async ({ signal }) => {
        await untilAborted(signal);
        signal.throwIfAborted();
      },
      async function* ({ signal }) {
        yield { data: 1 };
        await untilAborted(signal);
        throw new DOMException("aborted", "AbortError");
      },
    ];
    for (const source of gone) {
      const client = world.connect(source);
      await world.clock.flush();
      client.leave();
      await nothingLeft(world, client);
      expect(client.text).not.toContain("stream.error");
    }
    expect(world.observed.failed.map(({ error }) => error)).toEqual([secret, secret]);
  });
});

test("an error that is yielded is told, and the source goes on", async () => {
  const world = createTestRegistry();
  const slow = new HoldfastError("SOURCE_FAILED", "The model is slow.", { retryable: true });
  const client = world.connect(list<SseEvent | HoldfastError>({ data: 1 }, slow, { data: 2 }));
  await world.clock.flush();
  const error =
    'event: stream.error\ndata: {"code":"SOURCE_FAILED","message":"The model is slow.","retryable":true}\n\n';
  expect(client.text).toBe(FIRST + data(1) + error + data(2) + LAST);
  expect(world.observed.connectionClosed).toMatchObject([{ reason: "closed", events: 2 }]);
  expect(world.observed.failed).toEqual([]);

  const quiet = world.connect(list<SseEvent | HoldfastError>({ data: 1 }, slow, { data: 2 }), {
    serve: { control: false },
  });
  await world.clock.flush();
  expect(quiet.text).toBe(FIRST + data(1, 2) + LAST);
});

describe("what is no event", () => {
  const wrong: [string, unknown, string][] = [
    ["a reserved name", { event: "stream.end" }, "INVALID_EVENT"],
    ["a name of two lines", { event: "a\nb" }, "INVALID_EVENT"],
    ["an id with NUL", { id: "1\0" }, "INVALID_EVENT"],
    ["a negative time", { retry: -1 }, "INVALID_EVENT"],
    ["a BigInt", { data: 1n }, "INVALID_EVENT"],
    ["nothing", undefined, "INVALID_EVENT"],
    ["text", "data", "INVALID_EVENT"],
    ["too much", { data: "x".repeat(100) }, "EVENT_TOO_LARGE"],
  ];
  const options = { serve: { maxEventBytes: 100 } };

  test.each(wrong)("is thrown to who pushes it, and nothing else happens: %s", async (_, event, code) => {
    const world = createTestRegistry();
    const { client, connection } = connectTo(world, options);
    connection.push({ data: 1 });
    expect(() => connection.push(event as SseEvent)).toThrow(expect.objectContaining({ code }));
    connection.push({ data: 2 });
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1, 2));
    expect(world.observed.failed).toEqual([]);
  });

  test.each(wrong)("fails an iterable that yields it, which is let go: %s", async (_, event, code) => {
    const world = createTestRegistry();
    const finalised = vi.fn<() => void>();
    const client = world.connect(
      (async function* () {
        try {
          yield { data: 1 };
          yield event as SseEvent;
        } finally {
          finalised();
        }
      })(),
      options,
    );
    await world.clock.flush();
    expect(client.blocks.at(-1)).toEqual(["stream.error", undefined, expect.objectContaining({ code })]);
    expect(client.text.endsWith(LAST)).toBe(true);
    expect(finalised).toHaveBeenCalledOnce();
    await nothingLeft(world, client);
  });

  test("is not what has just the size that is allowed", async () => {
    const world = createTestRegistry();
    const { client, connection } = connectTo(world, options);
    connection.push({ data: "x".repeat(100 - data("").length) });
    await world.clock.flush();
    expect(client.events).toHaveLength(1);
  });
});

describe("pushes", () => {
  test("of one turn are one write, and none while `push` runs", async () => {
    const world = createTestRegistry();
    const soon = vi.spyOn(world.clock, "soon");
    const { client, connection } = connectTo(world);
    for (let count = 0; count < 100; count++) connection.push({ data: count });
    expect([client.writes, client.text]).toEqual([1, FIRST]);
    await world.clock.flush();
    expect(client.writes).toBe(2);
    expect(client.events).toHaveLength(100);
    expect(soon).toHaveBeenCalledOnce();
    connection.push({ data: "next" });
    await world.clock.flush();
    expect(client.writes).toBe(3);
  });

  test("keep their place among what an iterable of the same source gives", async () => {
    const world = createTestRegistry();
    const client = world.connect(async function* ({ push }) {
      push({ data: 1 });
      yield { data: 2 };
      push({ data: 3 });
      push({ data: 4 });
      yield { data: 5 };
      push({ data: 6 });
    });
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1, 2, 3, 4, 5, 6) + LAST);
  });

  test("to a held client are kept, and go out in order and in one write when it reads again", async () => {
    const world = createTestRegistry();
    const { client, connection } = connectTo(world);
    client.stall();
    for (let count = 0; count < 10; count++) {
      connection.push({ data: count });
      await world.clock.flush();
    }
    expect([client.writes, client.events]).toEqual([2, [0]]);
    client.drain();
    expect([client.writes, client.events]).toEqual([3, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  });

  const buffer = { bytes: 100 };
  const event: SseEvent = { data: "xx" };
  const size = data("xx").length;

  test("to a held client over `buffer.bytes` destroy the connection, and are not counted before", async () => {
    const world = createTestRegistry();
    const { client, connection } = connectTo(world, { serve: { buffer } });
    client.stall();
    connection.push(event);
    await world.clock.flush();
    expect(client.held).toBe(true);
    for (let bytes = size; bytes <= buffer.bytes; bytes += size) connection.push(event);
    expect([client.state, connection.signal.aborted]).toEqual(["open", false]);
    connection.push(event);
    expect([client.state, connection.signal.aborted, reason(world)]).toEqual(["destroyed", true, "overflow"]);
    connection.push(event);
    expect(client.events).toHaveLength(1);
    await nothingLeft(world, client);
  });

  test("to a client that takes them may be any number in one turn", async () => {
    const world = createTestRegistry();
    const { client, connection } = connectTo(world, { serve: { buffer } });
    for (let count = 0; count < 1_000; count++) connection.push(event);
    await world.clock.flush();
    expect(client.events).toHaveLength(1_000);
    expect(client.state).toBe("open");
  });

  test("after `close` do nothing, whatever they are", async () => {
    const world = createTestRegistry();
    const { client, connection } = connectTo(world);
    connection.push({ data: 1 });
    connection.close();
    connection.push({ data: 2 });
    connection.push({ event: "stream.end" });
    connection.close();
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1) + LAST);
    connection.push({ data: 3 });
    await nothingLeft(world, client);
  });

  test("from within the cleanup or the signal's abort do nothing", async () => {
    const world = createTestRegistry();
    const { client, connection } = connectTo(world, {}, ({ push, close, signal }) => {
      const stop = (): void => {
        push({ data: "too late" });
        close();
      };
      signal.addEventListener("abort", stop);
      return stop;
    });
    connection.push({ data: 1 });
    connection.close();
    expect(client.text).toBe(FIRST + data(1) + LAST);
    await nothingLeft(world, client);
  });
});

describe("a held client", () => {
  function counting(): { source: BareSource; readonly given: number; readonly finalised: number } {
    let [given, finalised] = [0, 0];
    return {
      source: (async function* () {
        try {
          for (;;) yield { data: ++given };
        } finally {
          finalised++;
        }
      })(),
      get given() {
        return given;
      },
      get finalised() {
        return finalised;
      },
    };
  }

  test("is why its iterable is pulled no further than it reads", async () => {
    const world = createTestRegistry();
    const counted = counting();
    const client = createMemoryClient();
    client.stall();
    const over = serve(client.request, client.open, counted.source, world);
    await world.clock.flush();
    expect([counted.given, client.held]).toEqual([0, true]);
    for (let read = 1; read <= 5; read++) {
      client.drain();
      client.stall();
      await world.clock.flush();
      expect(counted.given).toBe(read);
    }
    client.leave();
    await over;
    await world.clock.flush();
    expect(counted.finalised).toBe(1);
    expect(world.clock.timers).toBe(0);
  });

  test("that leaves keeps nobody waiting: its iterable is let go", async () => {
    const world = createTestRegistry();
    const counted = counting();
    const client = createMemoryClient();
    client.stall();
    const over = serve(client.request, client.open, counted.source, world);
    await world.clock.flush();
    client.leave();
    await over;
    await world.clock.flush();
    expect([counted.given, counted.finalised]).toEqual([0, 0]);
    await expect((counted.source as AsyncGenerator).next()).resolves.toEqual({
      done: true,
      value: undefined,
    });
  });

  test("has the end behind everything pushed, while its source is let go at the `close`", async () => {
    const world = createTestRegistry();
    const cleanup = vi.fn<() => void>();
    const { client, connection } = connectTo(world, {}, () => cleanup);
    client.stall();
    connection.push({ data: 1 });
    await world.clock.flush();
    connection.push({ data: 2 });
    connection.close();
    expect(cleanup).toHaveBeenCalledOnce();
    expect([connection.signal.aborted, client.state, client.text]).toEqual([true, "open", FIRST + data(1)]);
    connection.push({ data: "too late" });
    client.drain();
    expect(client.text).toBe(FIRST + data(1, 2) + LAST);
    expect([client.state, reason(world)]).toEqual(["flushed", "closed"]);
    await nothingLeft(world, client);
    expect(cleanup).toHaveBeenCalledOnce();
  });

  test("has an iterable's items no longer than until the `close`", async () => {
    const world = createTestRegistry();
    const finalised = vi.fn<() => void>();
    const { client, connection } = connectTo(world, {}, async function* () {
      try {
        for (let count = 1; ; count++) yield { data: count };
      } finally {
        finalised();
      }
    });
    client.stall();
    await world.clock.flush();
    connection.close();
    await world.clock.flush();
    expect(finalised).toHaveBeenCalledOnce();
    client.drain();
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1) + LAST);
    await nothingLeft(world, client);
  });

  test("has the error behind everything pushed", async () => {
    const world = createTestRegistry();
    const { promise: asked, resolve: fail } = Promise.withResolvers<void>();
    const client = world.connect(async ({ push }) => {
      push({ data: 1 });
      await asked;
      push({ data: 2 });
      throw new HoldfastError("GONE", "Gone.");
    });
    client.stall();
    await world.clock.flush();
    fail();
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1));
    client.drain();
    expect(client.blocks.map(([event]) => event)).toEqual(["message", "message", "stream.error"]);
    expect(client.text.endsWith(LAST)).toBe(true);
    await nothingLeft(world, client);
  });

  test("that never reads again is destroyed after `idleTimeout`, before the end or behind it", async () => {
    for (const closes of [false, true]) {
      const world = createTestRegistry();
      const { client, connection } = connectTo(world, { serve: { idleTimeout: 1_000 } });
      client.stall();
      connection.push({ data: 1 });
      await world.clock.flush();
      if (closes) connection.close();
      await world.clock.advance(999);
      expect(client.state).toBe("open");
      await world.clock.advance(1);
      expect([client.state, reason(world), connection.signal.aborted]).toEqual(["destroyed", "zombie", true]);
      await nothingLeft(world, client);
    }
  });
});

describe("a client that leaves", () => {
  test("has its quiet generator told by the signal, and waits for nothing", async () => {
    const world = createTestRegistry();
    const finalised = vi.fn<(reason: unknown) => void>();
    const client = world.connect(async function* ({ signal }) {
      try {
        yield { data: 1 };
        await untilAborted(signal);
      } finally {
        finalised(signal.reason);
      }
    });
    await world.clock.flush();
    client.leave();
    await nothingLeft(world, client);
    expect(finalised.mock.calls).toEqual([[abortedFor("disconnected")]]);
    expect([reason(world), client.text]).toEqual(["disconnected", FIRST + data(1)]);
  });

  test("is not waited for by a generator that hears nothing: it is finalised when it wakes", async () => {
    const world = createTestRegistry();
    const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
    const finalised = vi.fn<() => void>();
    const client = world.connect(
      (async function* () {
        try {
          await woken;
          yield { data: "too late" };
        } finally {
          finalised();
        }
      })(),
    );
    await world.clock.flush();
    client.leave();
    await nothingLeft(world, client);
    expect(finalised).not.toHaveBeenCalled();
    wake();
    await world.clock.flush();
    expect(finalised).toHaveBeenCalledOnce();
    expect(client.text).toBe(FIRST);
  });

  test("has its quiet web stream cancelled at once, with the reason", async () => {
    const world = createTestRegistry();
    const cancel = vi.fn<(reason: unknown) => void>();
    const client = world.connect(new ReadableStream<SseEvent>({ cancel }));
    await world.clock.flush();
    client.leave();
    await nothingLeft(world, client);
    expect(cancel.mock.calls).toEqual([[abortedFor("disconnected")]]);
  });

  test("before an awaited set-up is done has what it gives let go, and nothing of it is run", async () => {
    const generator = vi.fn<() => void>();
    const cancel = vi.fn<() => void>();
    const cleanup = vi.fn<() => void>();
    const givens = [
      cleanup,
      new ReadableStream<SseEvent>({ cancel }),
      (async function* () {
        generator();
        yield {};
      })(),
      undefined,
    ];
    for (const given of givens) {
      const world = createTestRegistry();
      const { promise: asked, resolve: answer } = Promise.withResolvers<void>();
      const client = world.connect(async () => {
        await asked;
        return given as never;
      });
      client.leave();
      await nothingLeft(world, client);
      answer();
      await world.clock.flush();
      expect(client.text).toBe(FIRST);
      expect(world.observed.failed).toEqual([]);
    }
    expect(cleanup).toHaveBeenCalledOnce();
    expect(cancel).toHaveBeenCalledOnce();
    expect(generator).not.toHaveBeenCalled();
  });

  test("during a set-up that is never done is gone all the same", async () => {
    const world = createTestRegistry();
    const client = world.connect(forever);
    await world.clock.flush();
    client.leave();
    await nothingLeft(world, client);
  });

  test("within the source's own call has its cleanup run, at once", async () => {
    const world = createTestRegistry();
    const client = createMemoryClient();
    const cleanup = vi.fn<() => void>();
    const aborted: boolean[] = [];
    const source: BareFunction = ({ signal }) => {
      client.leave();
      aborted.push(signal.aborted);
      return cleanup;
    };
    await serve(client.request, client.open, source, world);
    expect(aborted).toEqual([true]);
    expect(cleanup).toHaveBeenCalledOnce();
    expect(world.clock.timers).toBe(0);
  });
});

describe("a connection", () => {
  test("has heartbeats after a silence, from a timer of its own", async () => {
    const world = createTestRegistry();
    const { client, connection } = connectTo(world, { serve: { heartbeat: 100 } });
    expect(world.clock.timers).toBe(1);
    await world.clock.advance(250);
    connection.push({ data: 1 });
    await world.clock.advance(99);
    expect(client.text).toBe(`${FIRST}:\n\n:\n\n${data(1)}`);
    await world.clock.advance(1);
    expect(client.text).toBe(`${FIRST}:\n\n:\n\n${data(1)}:\n\n`);
    client.leave();
    await nothingLeft(world, client);
  });

  test("has none while it is held", async () => {
    const world = createTestRegistry();
    const { client, connection } = connectTo(world, { serve: { heartbeat: 100 } });
    client.stall();
    connection.push({ data: 1 });
    await world.clock.advance(1_000);
    expect(client.text).toBe(FIRST + data(1));
  });

  test("is drained after `maxDuration`: its client comes back, and its source is let go", async () => {
    const world = createTestRegistry();
    const cleanup = vi.fn<() => void>();
    const { client, connection } = connectTo(world, { serve: { maxDuration: 1_000 } }, () => cleanup);
    connection.push({ data: 1 });
    await world.clock.advance(1_000);
    const drain = 'event: stream.drain\nretry: 1500\ndata: {"reason":"max-duration"}\n\n';
    expect(client.text).toBe(FIRST + data(1) + drain);
    expect([client.state, reason(world), connection.signal.reason]).toEqual([
      "flushed",
      "max-duration",
      abortedFor("max-duration"),
    ]);
    expect(cleanup).toHaveBeenCalledOnce();
    await nothingLeft(world, client);
  });

  test("is drained behind what was pushed in the same turn, which nobody could come back for", async () => {
    const world = createTestRegistry();
    let push = (): void => undefined;
    world.clock.after(1_000, () => push());
    const { client, connection } = connectTo(world, { serve: { maxDuration: 1_000 } });
    push = () => connection.push({ data: 1 });
    await world.clock.advance(1_000);
    expect(client.text).toBe(
      `${FIRST}${data(1)}event: stream.drain\nretry: 1500\ndata: {"reason":"max-duration"}\n\n`,
    );
    await nothingLeft(world, client);
  });

  test("is warned of a source that gives what is neither events nor a way to stop", async () => {
    const world = createTestRegistry();
    const client = world.connect((() => ({ on: "change" })) as never);
    await world.clock.flush();
    expect(world.observed.warned).toMatchObject([{ message: expect.stringContaining("It is ignored.") }]);
    client.leave();
    await nothingLeft(world, client);
  });

  test("is drained without a word to who dispatches no control events", async () => {
    const world = createTestRegistry();
    const { client } = connectTo(world, { serve: { maxDuration: 1_000, control: false } });
    await world.clock.advance(1_000);
    expect(client.text).toBe(`${FIRST}retry: 1500\n\n`);
    await nothingLeft(world, client);
  });

  test("is destroyed when its sink throws, and its source is let go", async () => {
    const world = createTestRegistry();
    const cleanup = vi.fn<() => void>();
    const client = createMemoryClient();
    let connection: BareConnection | undefined;
    const broken = new Error("write after end");
    const over = serve(
      client.request,
      (...args) => {
        const sink = client.open(...args);
        return {
          ...sink,
          write(bytes) {
            if (client.writes > 0) throw broken;
            return sink.write(bytes);
          },
        };
      },
      (given) => {
        connection = given;
        return cleanup;
      },
      {
        clock: world.clock,
        observer: { failed: ({ stage, error }) => expect([stage, error]).toEqual(["delivery", broken]) },
      },
    );
    connection?.push({ data: 1 });
    await world.clock.flush();
    await over;
    expect(cleanup).toHaveBeenCalledOnce();
    expect(client.state).toBe("destroyed");
    expect(world.clock.timers).toBe(0);
  });
});

test("a source that never waits lets everybody else have their turn", async () => {
  let given = 0;
  const client = createMemoryClient();
  const over = serve(
    client.request,
    client.open,
    (async function* () {
      for (;;) yield { data: ++given };
    })(),
  );
  await turn();
  await turn();
  const before = given;
  await turn();
  expect(given).toBeGreaterThan(before);
  client.leave();
  await over;
  await turn();
  const after = given;
  await turn();
  expect(given).toBe(after);
});

test("what a function gives that is neither to pull nor to call is left alone", async () => {
  for (const given of [undefined, null, 5, "text", {}, [1], Symbol("s")]) {
    const world = createTestRegistry();
    const { client, connection } = connectTo(world, {}, () => given as never);
    await world.clock.flush();
    connection.push({ data: 1 });
    connection.close();
    expect(client.text).toBe(FIRST + data(1) + LAST);
    expect(world.observed.failed).toEqual([]);
  }
});

test.each([undefined, null, "text", 5, {}, [], [{ data: 1 }]])(
  "%j is no source, and refused at the door",
  async (source) => {
    const client = createMemoryClient();
    await expect(serve(client.request, client.open, source as never)).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
    expect(client.status).toBeUndefined();
    expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
  },
);

describe("in whatever order things happen", () => {
  type Simple = "stall" | "drain" | "turn" | "close" | "leave" | "set up" | "fail";
  type Step =
    | { readonly do: "push"; readonly size: number }
    | { readonly do: "pass"; readonly ms: number }
    | { readonly do: Simple };
  const one = (...steps: Simple[]): fc.Arbitrary<Step> =>
    fc.constantFrom(...steps.map((step): Step => ({ do: step })));
  const anyStep = fc.oneof(
    { weight: 6, arbitrary: fc.nat({ max: 100 }).map((size): Step => ({ do: "push", size })) },
    { weight: 2, arbitrary: fc.constantFrom(10, 100, 600, 3_000).map((ms): Step => ({ do: "pass", ms })) },
    { weight: 6, arbitrary: one("stall", "drain", "turn") },
    { weight: 2, arbitrary: one("close", "leave", "set up", "fail") },
  );
  const limits = { heartbeat: 100, idleTimeout: 500, maxDuration: 2_000, buffer: { bytes: 1_000 } };

  const anyLife = fc.record({
    steps: fc.array(anyStep, { maxLength: 30, size: "max" }),
    gives: fc.constantFrom("a cleanup", "an iterable", "a stream", "nothing"),
    concurrency: fc.boolean(),
    stalled: fc.boolean(),
  });

  test("a client has what was pushed, in order and all unless it is cut; what was set up is let go once", async () => {
    await fc.assert(
      fc.asyncProperty(anyLife, async ({ steps, gives, concurrency, stalled }) => {
        const clock = createFakeClock();
        const closed: CloseReason[] = [];
        const observer: Observer = {
          connectionClosed: ({ reason: why }) => void closed.push(why),
          failed: () => undefined,
        };
        const client = createMemoryClient();
        if (stalled) client.stall();
        const released = vi.fn<() => void>();
        const settingUp = Promise.withResolvers<void>();
        let setUp: "not yet" | "done" | "failed" = concurrency ? "done" : "not yet";
        let connection: BareConnection | undefined;
        const source = (own: BareConnection) => {
          connection = own;
          const given = {
            "a cleanup": released,
            "an iterable": {
              [Symbol.asyncIterator]: () => ({
                next: forever,
                return: async () => (released(), { done: true as const, value: undefined }),
              }),
            },
            "a stream": new ReadableStream<SseEvent>({ cancel: released }),
            nothing: undefined,
          }[gives];
          return concurrency ? given : settingUp.promise.then(() => given);
        };
        const over = serve(client.request, client.open, source, {
          clock,
          random: () => 0.5,
          observer,
          ...limits,
        });
        const { push, close, signal } = connection as unknown as BareConnection;
        let pushed = FIRST;
        const received = (): string => client.text.replaceAll(/(?<=\n\n):\n\n/g, "");

        for (const step of steps) {
          if (step.do === "push") {
            const event = { data: "x".repeat(step.size) };
            if (!signal.aborted) pushed += data(event.data);
            push(event);
          } else if (step.do === "close") {
            close();
            expect(signal.aborted).toBe(true);
          } else if (step.do === "set up" || step.do === "fail") {
            if (setUp === "not yet") setUp = step.do === "fail" ? "failed" : "done";
            if (setUp === "done") settingUp.resolve();
            else settingUp.reject(new Error("no"));
          } else if (step.do === "turn") {
            await clock.flush();
          } else if (step.do === "pass") {
            await clock.advance(step.ms);
          } else {
            client[step.do]();
          }
          expect(pushed.startsWith(received().slice(0, pushed.length))).toBe(true);
          if (!signal.aborted)
            expect(pushed.length - received().length).toBeLessThanOrEqual(limits.buffer.bytes);
        }

        client.drain();
        await clock.flush();
        close();
        await over;
        if (closed[0] === "closed") expect(received()).toBe(pushed + LAST);
        if (closed[0] === "failed")
          expect(received().startsWith(pushed) && received().endsWith(LAST)).toBe(true);
        if (setUp === "not yet") settingUp.resolve();
        await clock.flush();
        expect(released).toHaveBeenCalledTimes(gives === "nothing" || setUp === "failed" ? 0 : 1);
        expect(closed).toHaveLength(1);
        expect(clock.timers).toBe(0);
        expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

test("what a source may be, and what it is given", () => {
  expectTypeOf<AsyncGenerator<SseEvent | HoldfastError>>().toExtend<BareSource>();
  expectTypeOf<ReadableStream<SseEvent>>().toExtend<BareSource>();
  expectTypeOf<() => Promise<void>>().toExtend<BareSource>();
  expectTypeOf<() => Promise<() => void>>().toExtend<BareSource>();
  expectTypeOf<() => AsyncGenerator<SseEvent>>().toExtend<BareSource>();
  expectTypeOf<() => Promise<ReadableStream<SseEvent>>>().toExtend<BareSource>();
  expectTypeOf<AsyncGenerator<string>>().not.toExtend<BareSource>();
  expectTypeOf<BareConnection["lastEventId"]>().toEqualTypeOf<string | undefined>();
});
