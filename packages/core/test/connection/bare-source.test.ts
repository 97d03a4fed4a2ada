import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { ControlEvent } from "../../src/protocol/control-events.ts";
import type { SseEvent } from "../../src/protocol/event.ts";
import type { Observer } from "../../src/protocol/observer.ts";
import type { CloseReason } from "../../src/protocol/reasons.ts";
import { serve } from "../../src/connection/serve.ts";
import type { BareConnection, BareFunction, BareSource, Source } from "../../src/connection/source.ts";
import { createFakeClock, createMemoryClient } from "../../src/testing/index.ts";
import { type TestClient, createTestRegistry, type TestRegistry } from "../support/test-registry.ts";

const FIRST = "retry: 1500\n\n";
/** The last block of a source that is over for good, without control events and with them. */
const LAST_ID = "id: iiiiiiiiii.0.end\n\n";
const LAST = 'event: stream.end\nid: iiiiiiiiii.0.end\ndata: {"status":"done"}\n\n';
const FAILED = LAST.replace("done", "failed");
/** What is sent when a source fails, but may work later. */
const TEMPORARY = retryableError("SOURCE_FAILED", "The stream failed.");

function retryableError(code: string, message: string, retryAfter = 17_500): string {
  const error = JSON.stringify({ code, message, retryable: true, retryAfter });
  return `event: stream.error\nretry: ${retryAfter}\ndata: ${error}\n\n`;
}

const data = (...items: unknown[]): string => items.map((item) => `data: ${String(item)}\n\n`).join("");
const nextMacrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const never = (): Promise<never> => new Promise(() => undefined);
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

async function* list<Item>(...items: Item[]): AsyncGenerator<Item> {
  yield* items;
}

/** Connects a client to a function as its source, and returns both sides. */
function connectTo(
  { connect }: TestRegistry,
  options?: Parameters<TestRegistry["connect"]>[1],
  source?: BareFunction,
) {
  let connection: BareConnection | undefined;
  const client = connect((own) => {
    connection = own;
    return source?.(own);
  }, options);
  return { client, connection: connection as BareConnection };
}

/** Waits for the end of the response, and checks that no timer and no listener is left. */
async function expectReleased({ clock, observed }: TestRegistry, client: TestClient): Promise<void> {
  await client.over;
  await clock.flush();
  expect(clock.timers).toBe(0);
  expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
  expect(observed.connectionClosed).toHaveLength(observed.connectionOpened.length);
}

const reason = ({ observed }: TestRegistry): unknown => observed.connectionClosed.at(-1)?.reason;

/** Every kind of source, each with the same three events. */
const kinds: [string, () => BareSource][] = [
  ["an async iterable", () => list<SseEvent>({ data: 1 }, { data: 2 }, { data: 3 })],
  ["a web stream", () => ReadableStream.from(list<SseEvent>({ data: 1 }, { data: 2 }, { data: 3 }))],
  ["a function that returns an iterable", () => () => list({ data: 1 }, { data: 2 }, { data: 3 })],
  [
    "a function that returns a stream",
    () => () => ReadableStream.from([{ data: 1 }, { data: 2 }, { data: 3 }]),
  ],
  [
    "an async function that returns an iterable",
    () => async () => list({ data: 1 }, { data: 2 }, { data: 3 }),
  ],
  [
    "an async function that returns a stream",
    () => async () => ReadableStream.from([{ data: 1 }, { data: 2 }, { data: 3 }]),
  ],
  [
    "a generator function that uses its connection",
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
    "a function that pushes, then returns an iterable",
    () =>
      ({ push }) => {
        push({ data: 1 });
        return list({ data: 2 }, { data: 3 });
      },
  ],
  [
    "a function that closes, and returns a clean-up",
    () =>
      ({ push, close }) => {
        for (const count of [1, 2, 3]) push({ data: count });
        close();
        return () => undefined;
      },
  ],
];

describe.each(kinds)("%s", (_, make) => {
  test("is served to its end: `retry:`, its events, and an id that keeps the client from reconnecting", async () => {
    const context = createTestRegistry();
    const client = context.connect(make());
    expect(client.text.startsWith(FIRST)).toBe(true);
    await context.clock.flush();
    expect(client.text).toBe(FIRST + data(1, 2, 3) + LAST);
    expect(client.state).toBe("flushed");
    expect(context.observed.failed).toEqual([]);
    expect(context.observed.connectionClosed).toMatchObject([
      { reason: "closed", events: 3, bytes: client.text.length },
    ]);
    await expectReleased(context, client);
  });

  test("is served to a client that reads only now and then", async () => {
    const context = createTestRegistry();
    const client = createMemoryClient();
    client.stall();
    const { clock } = context;
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

  test("dispatches nothing with its first and its last block if the client gets no control events", async () => {
    const context = createTestRegistry();
    const client = context.connect(make(), { serve: { control: false } });
    await context.clock.flush();
    expect(client.text).toBe(FIRST + data(1, 2, 3) + LAST_ID);
    expect(client.blocks).toHaveLength(3);
    expect(client.state).toBe("flushed");
  });
});

const abortedFor = (reason: string): unknown => expect.objectContaining({ code: "ABORTED", cause: reason });

describe("a source that is not used is released without being run", () => {
  /** A function, a generator, a stream and an iterable, and spies on their run and their release. */
  function spiedSources() {
    const run = vi.fn<() => void>();
    const released = vi.fn<() => void>();
    const iterator = {
      next: never,
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
      "a client with the terminal id of a stream",
      { cursor: "abcdefghij.99.end" },
      204,
      { "cache-control": "no-store" },
    ],
    ["a HEAD request", { method: "HEAD" }, 200, { "content-type": "text/event-stream" }],
  ])("for %s", async (_, options, status, headers) => {
    const context = createTestRegistry();
    const { run, released, sources } = spiedSources();
    for (const source of sources) {
      const client = context.connect(source, options);
      expect([client.status, client.text, client.state]).toEqual([status, "", "flushed"]);
      expect(client.headers).toMatchObject(headers);
      await expectReleased(context, client);
    }
    expect(run).not.toHaveBeenCalled();
    expect(released).toHaveBeenCalledTimes(2);
    expect(context.observed.connectionOpened).toEqual([]);
    expect(context.observed.failed).toEqual([]);
  });

  test("for a client that has left before", async () => {
    const { run, released, sources } = spiedSources();
    for (const source of sources) {
      const client = createMemoryClient();
      client.leave();
      await serve(client.request, client.open, source);
      expect([client.status, client.text]).toEqual([499, ""]);
    }
    expect(run).not.toHaveBeenCalled();
    expect(released).toHaveBeenCalledTimes(2);
  });

  test("for a client that leaves during the first write", async () => {
    const context = createTestRegistry();
    const { run, released, sources } = spiedSources();
    for (const source of sources) {
      const client = createMemoryClient();
      const over = serve(
        client.request,
        (...args) => {
          const sink = client.open(...args);
          return { ...sink, write: (bytes) => (client.leave(), sink.write(bytes)) };
        },
        source,
        { clock: context.clock },
      );
      await over;
      expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
    }
    await context.clock.flush();
    expect(run).not.toHaveBeenCalled();
    expect(released).toHaveBeenCalledTimes(2);
    expect(context.clock.timers).toBe(0);
  });

  test("when the response cannot be started; `serve` rejects with the reason", async () => {
    const context = createTestRegistry();
    const { run, released, sources } = spiedSources();
    for (const source of sources) {
      const { request } = createMemoryClient();
      const open = (): never => {
        throw new Error("headers were sent");
      };
      await expect(serve(request, open, source, { clock: context.clock })).rejects.toThrow(
        "headers were sent",
      );
      expect(getEventListeners(request.signal, "abort")).toEqual([]);
    }
    await context.clock.flush();
    expect(run).not.toHaveBeenCalled();
    expect(released).toHaveBeenCalledTimes(2);
    expect(context.clock.timers).toBe(0);
  });

  test("and the observer gets the error if that fails", async () => {
    const context = createTestRegistry();
    const locked = new ReadableStream<SseEvent>();
    locked.getReader();
    const stuck = new ReadableStream<SseEvent>({ cancel: () => Promise.reject(new Error("stuck")) });
    for (const source of [locked, stuck]) {
      const client = context.connect(source, { method: "HEAD" });
      expect(client.status).toBe(200);
      await expectReleased(context, client);
    }
    expect(context.observed.failed.map(({ stage }) => stage)).toEqual(["source", "source"]);
  });
});

describe("a function gets the cursor of the client", () => {
  test.each([
    undefined,
    "41",
    "abcdefghij.7",
    " any text, 日本 ",
    "x".repeat(10_000),
    "1.end",
    "abcdefghij.00.end",
  ])("%j, unchanged", (cursor) => {
    const { connection, client } = connectTo(createTestRegistry(), cursor === undefined ? {} : { cursor });
    expect(client.status).toBe(200);
    expect(connection.lastEventId).toBe(cursor);
  });
});

test("events go out with their own fields and no others", async () => {
  const context = createTestRegistry();
  const events: SseEvent[] = [
    { id: "1", event: "row", data: { n: 1 } },
    { data: "a\nb", comment: "hi", retry: 5 },
    { id: "" },
  ];
  const client = context.connect(list(...events));
  await context.clock.flush();
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
      "an async function",
      (error) => async (connection) => {
        connection.push({ data: 1 });
        await Promise.reject(error as Error);
      },
    ],
    [
      "an iterable that cannot be started",
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
  const failingByCall: (typeof failing)[number] = [
    "a function that calls `fail`",
    (error) =>
      ({ push, fail }) => {
        push({ data: 1 });
        fail(error);
      },
  ];
  const errorBlock = (error: object): string => `event: stream.error\ndata: ${JSON.stringify(error)}\n\n`;

  test.each([...failing, failingByCall])(
    "is tried again: the client gets a retryable error without the text of the cause, and no terminal id: %s",
    async (_, make) => {
      const context = createTestRegistry();
      const client = context.connect(make(secret));
      await context.clock.flush();
      expect(client.text).toBe(FIRST + data(1) + TEMPORARY);
      expect(context.observed.failed).toEqual([{ id: undefined, stage: "source", error: secret }]);
      expect([reason(context), client.state]).toEqual(["failed", "flushed"]);
      await expectReleased(context, client);
    },
  );

  test.each<[string, HoldfastError, string]>([
    [
      "that is not retryable: it is over for good, and the client gets its message",
      new HoldfastError("GONE", "The room is closed.", { cause: secret }),
      errorBlock({ code: "GONE", message: "The room is closed.", retryable: false }) + FAILED,
    ],
    [
      "that is not retryable: a retry time has no effect",
      new HoldfastError("LIMIT_EXCEEDED", "Never again.", { retryAfter: 7_000 }),
      errorBlock({ code: "LIMIT_EXCEEDED", message: "Never again.", retryable: false }) + FAILED,
    ],
    [
      "that is not exposed: the client does not get its message",
      new HoldfastError("SOURCE_FAILED", secret.message, { expose: false }),
      errorBlock({ code: "SOURCE_FAILED", message: "The stream failed.", retryable: false }) + FAILED,
    ],
    [
      "that is retryable: the client reconnects after its retry time",
      new HoldfastError("LIMIT_EXCEEDED", "Busy.", { retryable: true, retryAfter: 7_000 }),
      retryableError("LIMIT_EXCEEDED", "Busy.", 7_000),
    ],
    [
      "that is retryable, without a retry time: the client reconnects after 5 to 30 s",
      new HoldfastError("STORE_UNAVAILABLE", secret.message, { retryable: true, expose: false }),
      retryableError("STORE_UNAVAILABLE", "The stream failed."),
    ],
  ])("with a HoldfastError %s", async (__, error, text) => {
    for (const [, make] of [...failing, failingByCall]) {
      const context = createTestRegistry();
      const client = context.connect(make(error));
      await context.clock.flush();
      expect(client.text).toBe(FIRST + data(1) + text);
      expect(context.observed.failed).toMatchObject([{ error }]);
      expect([reason(context), client.state]).toEqual(["failed", "flushed"]);
      await expectReleased(context, client);
    }
  });

  test("is over for good if the request is not a GET, which nobody repeats", async () => {
    for (const [, make] of [...failing, failingByCall]) {
      const context = createTestRegistry();
      const client = context.connect(make(secret), { method: "POST" });
      await context.clock.flush();
      const error = errorBlock({ code: "SOURCE_FAILED", message: "The stream failed.", retryable: false });
      expect(client.text).toBe(FIRST + data(1) + error + FAILED);
    }
  });

  test.each<[string, string, unknown, string]>([
    ["may work later: only the retry time", "GET", secret, "retry: 17500\n\n"],
    ["is over for good: only the terminal id", "GET", new HoldfastError("GONE", "Gone."), LAST_ID],
    ["was asked with POST: only the terminal id", "POST", secret, LAST_ID],
  ])("and %s goes to a client without control events, and it is cut", async (__, method, error, text) => {
    for (const [, make] of [...failing, failingByCall]) {
      const context = createTestRegistry();
      const client = context.connect(make(error), { method, serve: { control: false } });
      await context.clock.flush();
      expect(client.text).toBe(FIRST + data(1) + text);
      expect([reason(context), client.state]).toEqual(["failed", "cut"]);
      await expectReleased(context, client);
    }
  });

  test("tells a client what `control` returns, and cuts it", async () => {
    const control = ({ event, data: value }: ControlEvent): SseEvent | undefined =>
      event === "stream.error" ? { data: { error: value.code } } : undefined;
    const context = createTestRegistry();
    const temporary = context.connect(generator(secret), { serve: { control } });
    const final = context.connect(generator(new HoldfastError("GONE", "Gone.")), { serve: { control } });
    await context.clock.flush();
    expect(temporary.text).toBe(`${FIRST}${data(1)}retry: 17500\ndata: {"error":"SOURCE_FAILED"}\n\n`);
    expect(final.text).toBe(`${FIRST}${data(1)}data: {"error":"GONE"}\n\n${LAST_ID}`);
    expect([temporary.state, final.state]).toEqual(["cut", "cut"]);
  });

  test("by `fail` has an effect only once, and not after `close`", async () => {
    const context = createTestRegistry();
    const { client, connection } = connectTo(context);
    connection.close();
    connection.fail(new HoldfastError("GONE", "Gone."));
    await context.clock.flush();
    expect(client.text).toBe(FIRST + LAST);
    const other = connectTo(context);
    other.connection.fail(secret);
    other.connection.fail(new HoldfastError("GONE", "Gone."));
    other.connection.push({ data: "too late" });
    other.connection.close();
    await context.clock.flush();
    expect(other.client.text).toBe(FIRST + TEMPORARY);
    expect(other.connection.signal.aborted).toBe(true);
  });

  test("because its stream is locked", async () => {
    const context = createTestRegistry();
    const locked = new ReadableStream<SseEvent>();
    locked.getReader();
    const client = context.connect(locked);
    await context.clock.flush();
    expect(client.events).toEqual([]);
    expect(client.text).toBe(FIRST + TEMPORARY);
    expect(context.observed.failed).toMatchObject([{ stage: "source", error: expect.any(TypeError) }]);
    await expectReleased(context, client);
  });

  test("after it has closed: the reason is `closed`, and the observer gets the error", async () => {
    for (const stalled of [false, true]) {
      const context = createTestRegistry();
      const { promise: pending, reject: fail } = Promise.withResolvers<void>();
      const { client, connection } = connectTo(context, {}, () => pending);
      if (stalled) client.stall();
      connection.push({ data: 1 });
      await context.clock.flush();
      connection.close();
      fail(secret);
      await context.clock.flush();
      client.drain();
      expect(client.text).toBe(FIRST + data(1) + LAST);
      expect(reason(context)).toBe("closed");
      expect(context.observed.failed).toMatchObject([{ stage: "source", error: secret }]);
      await expectReleased(context, client);
    }
  });

  test("in its clean-up: the response ends in order, and the observer gets the error", async () => {
    for (const cleanup of [
      () => Promise.reject(secret),
      () => {
        throw secret;
      },
    ]) {
      const context = createTestRegistry();
      const { client, connection } = connectTo(context, {}, () => cleanup);
      connection.close();
      expect(client.text).toBe(FIRST + LAST);
      await expectReleased(context, client);
      expect(context.observed.failed).toEqual([{ id: undefined, stage: "cleanup", error: secret }]);
    }
  });

  test("after the client has left: only the observer gets the error, unless it says that the source was aborted", async () => {
    const context = createTestRegistry();
    const sources: BareFunction[] = [
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
    for (const source of sources) {
      const client = context.connect(source);
      await context.clock.flush();
      client.leave();
      await expectReleased(context, client);
      expect(client.text).not.toContain("stream.error");
    }
    expect(context.observed.failed.map(({ error }) => error)).toEqual([secret, secret]);
  });
});

test("a yielded error goes out as `stream.error`, and the source goes on", async () => {
  const context = createTestRegistry();
  const slow = new HoldfastError("SOURCE_FAILED", "The model is slow.", { retryable: true });
  const client = context.connect(list<SseEvent | HoldfastError>({ data: 1 }, slow, { data: 2 }));
  await context.clock.flush();
  const error =
    'event: stream.error\ndata: {"code":"SOURCE_FAILED","message":"The model is slow.","retryable":true}\n\n';
  expect(client.text).toBe(FIRST + data(1) + error + data(2) + LAST);
  expect(context.observed.connectionClosed).toMatchObject([{ reason: "closed", events: 2 }]);
  expect(context.observed.failed).toEqual([]);

  const withoutControl = context.connect(list<SseEvent | HoldfastError>({ data: 1 }, slow, { data: 2 }), {
    serve: { control: false },
  });
  await context.clock.flush();
  expect(withoutControl.text).toBe(FIRST + data(1, 2) + LAST_ID);
});

describe("an invalid event", () => {
  const invalid: [string, unknown, string][] = [
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

  /** The message quotes the event, unless it only says how large it is. */
  const refused = (code: string): string =>
    code === "INVALID_EVENT"
      ? retryableError(code, "The stream failed.")
      : retryableError(code, "An event takes at most 100 bytes on the wire, this one has 108 or more.");

  test.each(invalid)(
    "fails a source that pushes it, and `push` does not throw: %s",
    async (_, event, code) => {
      const context = createTestRegistry();
      const cleanup = vi.fn<() => void>();
      const { client, connection } = connectTo(context, options, () => cleanup);
      connection.push({ data: 1 });
      connection.push(event as SseEvent);
      expect(connection.signal.aborted).toBe(true);
      connection.push({ data: 2 });
      await context.clock.flush();
      expect(cleanup).toHaveBeenCalledOnce();
      expect(client.text).toBe(FIRST + data(1) + refused(code));
      expect(context.observed.failed).toMatchObject([{ stage: "source", error: { code } }]);
      await expectReleased(context, client);
    },
  );

  test.each(invalid)("fails an iterable that yields it, and releases it: %s", async (_, event, code) => {
    const context = createTestRegistry();
    const finished = vi.fn<() => void>();
    const client = context.connect(
      (async function* () {
        try {
          yield { data: 1 };
          yield event as SseEvent;
        } finally {
          finished();
        }
      })(),
      options,
    );
    await context.clock.flush();
    expect(client.text).toBe(FIRST + data(1) + refused(code));
    expect(finished).toHaveBeenCalledOnce();
    await expectReleased(context, client);
  });

  test("is not one of exactly the largest size", async () => {
    const context = createTestRegistry();
    const { client, connection } = connectTo(context, options);
    connection.push({ data: "x".repeat(100 - data("").length) });
    await context.clock.flush();
    expect(client.events).toHaveLength(1);
  });
});

describe("pushes", () => {
  test("of one turn are one write, after `push` has returned", async () => {
    const context = createTestRegistry();
    const soon = vi.spyOn(context.clock, "soon");
    const { client, connection } = connectTo(context);
    for (let count = 0; count < 100; count++) connection.push({ data: count });
    expect([client.writes, client.text]).toEqual([1, FIRST]);
    await context.clock.flush();
    expect(client.writes).toBe(2);
    expect(client.events).toHaveLength(100);
    expect(soon).toHaveBeenCalledOnce();
    connection.push({ data: "next" });
    await context.clock.flush();
    expect(client.writes).toBe(3);
  });

  test("keep their order among the events of the iterable of the same source", async () => {
    const context = createTestRegistry();
    const client = context.connect(async function* ({ push }) {
      push({ data: 1 });
      yield { data: 2 };
      push({ data: 3 });
      push({ data: 4 });
      yield { data: 5 };
      push({ data: 6 });
    });
    await context.clock.flush();
    expect(client.text).toBe(FIRST + data(1, 2, 3, 4, 5, 6) + LAST);
  });

  test("to a client that does not read are buffered, and go out in order and in one write when it reads again", async () => {
    const context = createTestRegistry();
    const { client, connection } = connectTo(context);
    client.stall();
    for (let count = 0; count < 10; count++) {
      connection.push({ data: count });
      await context.clock.flush();
    }
    expect([client.writes, client.events]).toEqual([2, [0]]);
    client.drain();
    expect([client.writes, client.events]).toEqual([3, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  });

  const buffer = { bytes: 100 };
  const event: SseEvent = { data: "xx" };
  const size = data("xx").length;

  test("to a client that does not read cut the connection when they exceed `buffer.bytes`; written ones do not count", async () => {
    const context = createTestRegistry();
    const { client, connection } = connectTo(context, { serve: { buffer } });
    client.stall();
    connection.push(event);
    await context.clock.flush();
    expect(client.held).toBe(true);
    for (let bytes = size; bytes <= buffer.bytes; bytes += size) connection.push(event);
    expect([client.state, connection.signal.aborted]).toEqual(["open", false]);
    connection.push(event);
    expect([client.state, connection.signal.aborted, reason(context)]).toEqual([
      "destroyed",
      true,
      "overflow",
    ]);
    connection.push(event);
    expect(client.events).toHaveLength(1);
    await expectReleased(context, client);
  });

  test("to a client that reads may be any number in one turn", async () => {
    const context = createTestRegistry();
    const { client, connection } = connectTo(context, { serve: { buffer } });
    for (let count = 0; count < 1_000; count++) connection.push(event);
    await context.clock.flush();
    expect(client.events).toHaveLength(1_000);
    expect(client.state).toBe("open");
  });

  test("after `close` have no effect, not even invalid ones", async () => {
    const context = createTestRegistry();
    const { client, connection } = connectTo(context);
    connection.push({ data: 1 });
    connection.close();
    connection.push({ data: 2 });
    connection.push({ event: "stream.end" });
    connection.close();
    await context.clock.flush();
    expect(client.text).toBe(FIRST + data(1) + LAST);
    connection.push({ data: 3 });
    await expectReleased(context, client);
  });

  test("in the clean-up or in an abort listener have no effect", async () => {
    const context = createTestRegistry();
    const { client, connection } = connectTo(context, {}, ({ push, close, signal }) => {
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
    await expectReleased(context, client);
  });
});

describe("a client that does not read", () => {
  function countingSource(): { source: BareSource; readonly yielded: number; readonly finished: number } {
    let [yielded, finished] = [0, 0];
    return {
      source: (async function* () {
        try {
          for (;;) yield { data: ++yielded };
        } finally {
          finished++;
        }
      })(),
      get yielded() {
        return yielded;
      },
      get finished() {
        return finished;
      },
    };
  }

  test("holds back its iterable: it is pulled only as fast as the client reads", async () => {
    const context = createTestRegistry();
    const counted = countingSource();
    const client = createMemoryClient();
    client.stall();
    const over = serve(client.request, client.open, counted.source, { clock: context.clock });
    await context.clock.flush();
    expect([counted.yielded, client.held]).toEqual([0, true]);
    for (let read = 1; read <= 5; read++) {
      client.drain();
      client.stall();
      await context.clock.flush();
      expect(counted.yielded).toBe(read);
    }
    client.leave();
    await over;
    await context.clock.flush();
    expect(counted.finished).toBe(1);
    expect(context.clock.timers).toBe(0);
  });

  test("releases its iterable when it leaves", async () => {
    const context = createTestRegistry();
    const counted = countingSource();
    const client = createMemoryClient();
    client.stall();
    const over = serve(client.request, client.open, counted.source, { clock: context.clock });
    await context.clock.flush();
    client.leave();
    await over;
    await context.clock.flush();
    expect([counted.yielded, counted.finished]).toEqual([0, 0]);
    await expect((counted.source as AsyncGenerator).next()).resolves.toEqual({
      done: true,
      value: undefined,
    });
  });

  test("gets the end after everything that was pushed, although `close` releases the source at once", async () => {
    const context = createTestRegistry();
    const cleanup = vi.fn<() => void>();
    const { client, connection } = connectTo(context, {}, () => cleanup);
    client.stall();
    connection.push({ data: 1 });
    await context.clock.flush();
    connection.push({ data: 2 });
    connection.close();
    expect(cleanup).toHaveBeenCalledOnce();
    expect([connection.signal.aborted, client.state, client.text]).toEqual([true, "open", FIRST + data(1)]);
    connection.push({ data: "too late" });
    client.drain();
    expect(client.text).toBe(FIRST + data(1, 2) + LAST);
    expect([client.state, reason(context)]).toEqual(["flushed", "closed"]);
    await expectReleased(context, client);
    expect(cleanup).toHaveBeenCalledOnce();
  });

  test("gets no items of the iterable after `close`", async () => {
    const context = createTestRegistry();
    const finished = vi.fn<() => void>();
    const { client, connection } = connectTo(context, {}, async function* () {
      try {
        for (let count = 1; ; count++) yield { data: count };
      } finally {
        finished();
      }
    });
    client.stall();
    await context.clock.flush();
    connection.close();
    await context.clock.flush();
    expect(finished).toHaveBeenCalledOnce();
    client.drain();
    await context.clock.flush();
    expect(client.text).toBe(FIRST + data(1) + LAST);
    await expectReleased(context, client);
  });

  test("gets the error after everything that was pushed", async () => {
    const context = createTestRegistry();
    const { promise: pending, resolve: fail } = Promise.withResolvers<void>();
    const client = context.connect(async ({ push }) => {
      push({ data: 1 });
      await pending;
      push({ data: 2 });
      throw new HoldfastError("GONE", "Gone.");
    });
    client.stall();
    await context.clock.flush();
    fail();
    await context.clock.flush();
    expect(client.text).toBe(FIRST + data(1));
    client.drain();
    expect(client.blocks.map(([event]) => event)).toEqual([
      "message",
      "message",
      "stream.error",
      "stream.end",
    ]);
    expect(client.text.endsWith(FAILED)).toBe(true);
    await expectReleased(context, client);
  });

  test("is cut after `idleTimeout`, before and after the end of the source", async () => {
    for (const closes of [false, true]) {
      const context = createTestRegistry();
      const { client, connection } = connectTo(context, { serve: { idleTimeout: 1_000 } });
      client.stall();
      connection.push({ data: 1 });
      await context.clock.flush();
      if (closes) connection.close();
      await context.clock.advance(999);
      expect(client.state).toBe("open");
      await context.clock.advance(1);
      expect([client.state, reason(context), connection.signal.aborted]).toEqual([
        "destroyed",
        "zombie",
        true,
      ]);
      await expectReleased(context, client);
    }
  });
});

describe("a client that leaves", () => {
  test("aborts the signal of a waiting generator", async () => {
    const context = createTestRegistry();
    const finished = vi.fn<(reason: unknown) => void>();
    const client = context.connect(async function* ({ signal }) {
      try {
        yield { data: 1 };
        await untilAborted(signal);
      } finally {
        finished(signal.reason);
      }
    });
    await context.clock.flush();
    client.leave();
    await expectReleased(context, client);
    expect(finished.mock.calls).toEqual([[abortedFor("disconnected")]]);
    expect([reason(context), client.text]).toEqual(["disconnected", FIRST + data(1)]);
  });

  test("does not wait for a generator that ignores the signal: it finishes when it continues", async () => {
    const context = createTestRegistry();
    const { promise: waiting, resolve: goOn } = Promise.withResolvers<void>();
    const finished = vi.fn<() => void>();
    const client = context.connect(
      (async function* () {
        try {
          await waiting;
          yield { data: "too late" };
        } finally {
          finished();
        }
      })(),
    );
    await context.clock.flush();
    client.leave();
    await expectReleased(context, client);
    expect(finished).not.toHaveBeenCalled();
    goOn();
    await context.clock.flush();
    expect(finished).toHaveBeenCalledOnce();
    expect(client.text).toBe(FIRST);
  });

  test("cancels a web stream at once, with the reason", async () => {
    const context = createTestRegistry();
    const cancel = vi.fn<(reason: unknown) => void>();
    const client = context.connect(new ReadableStream<SseEvent>({ cancel }));
    await context.clock.flush();
    client.leave();
    await expectReleased(context, client);
    expect(cancel.mock.calls).toEqual([[abortedFor("disconnected")]]);
  });

  test("before an async function has returned: the result is released without being run", async () => {
    const generator = vi.fn<() => void>();
    const cancel = vi.fn<() => void>();
    const cleanup = vi.fn<() => void>();
    const results = [
      cleanup,
      new ReadableStream<SseEvent>({ cancel }),
      (async function* () {
        generator();
        yield {};
      })(),
      undefined,
    ];
    for (const result of results) {
      const context = createTestRegistry();
      const { promise: pending, resolve: goOn } = Promise.withResolvers<void>();
      const client = context.connect(async () => {
        await pending;
        return result as never;
      });
      client.leave();
      await expectReleased(context, client);
      goOn();
      await context.clock.flush();
      expect(client.text).toBe(FIRST);
      expect(context.observed.failed).toEqual([]);
    }
    expect(cleanup).toHaveBeenCalledOnce();
    expect(cancel).toHaveBeenCalledOnce();
    expect(generator).not.toHaveBeenCalled();
  });

  test("is gone although an async function never returns", async () => {
    const context = createTestRegistry();
    const client = context.connect(never);
    await context.clock.flush();
    client.leave();
    await expectReleased(context, client);
  });

  test("within the call of the function: its clean-up runs at once", async () => {
    const context = createTestRegistry();
    const client = createMemoryClient();
    const cleanup = vi.fn<() => void>();
    const aborted: boolean[] = [];
    const source: BareFunction = ({ signal }) => {
      client.leave();
      aborted.push(signal.aborted);
      return cleanup;
    };
    await serve(client.request, client.open, source, { clock: context.clock });
    expect(aborted).toEqual([true]);
    expect(cleanup).toHaveBeenCalledOnce();
    expect(context.clock.timers).toBe(0);
  });
});

describe("a connection", () => {
  test("gets a heartbeat after each silent interval, with one timer", async () => {
    const context = createTestRegistry();
    const { client, connection } = connectTo(context, { serve: { heartbeat: 100 } });
    expect(context.clock.timers).toBe(1);
    await context.clock.advance(250);
    connection.push({ data: 1 });
    await context.clock.advance(99);
    expect(client.text).toBe(`${FIRST}:\n\n:\n\n${data(1)}`);
    await context.clock.advance(1);
    expect(client.text).toBe(`${FIRST}:\n\n:\n\n${data(1)}:\n\n`);
    client.leave();
    await expectReleased(context, client);
  });

  test("gets no heartbeat while the client does not read", async () => {
    const context = createTestRegistry();
    const { client, connection } = connectTo(context, { serve: { heartbeat: 100 } });
    client.stall();
    connection.push({ data: 1 });
    await context.clock.advance(1_000);
    expect(client.text).toBe(FIRST + data(1));
  });

  test("is drained after `maxDuration`: the client reconnects, and the source is released", async () => {
    const context = createTestRegistry();
    const cleanup = vi.fn<() => void>();
    const { client, connection } = connectTo(context, { serve: { maxDuration: 1_000 } }, () => cleanup);
    connection.push({ data: 1 });
    await context.clock.advance(1_000);
    const drain = 'event: stream.drain\nretry: 1500\ndata: {"reason":"max-duration"}\n\n';
    expect(client.text).toBe(FIRST + data(1) + drain);
    expect([client.state, reason(context), connection.signal.reason]).toEqual([
      "flushed",
      "max-duration",
      abortedFor("max-duration"),
    ]);
    expect(cleanup).toHaveBeenCalledOnce();
    await expectReleased(context, client);
  });

  test("is drained after the events of the same turn, which the client could not get later", async () => {
    const context = createTestRegistry();
    let push = (): void => undefined;
    context.clock.after(1_000, () => push());
    const { client, connection } = connectTo(context, { serve: { maxDuration: 1_000 } });
    push = () => connection.push({ data: 1 });
    await context.clock.advance(1_000);
    expect(client.text).toBe(
      `${FIRST}${data(1)}event: stream.drain\nretry: 1500\ndata: {"reason":"max-duration"}\n\n`,
    );
    await expectReleased(context, client);
  });

  test("reports a source that returns neither events nor a clean-up", async () => {
    const context = createTestRegistry();
    const client = context.connect((() => ({ on: "change" })) as never);
    await context.clock.flush();
    expect(context.observed.warned).toMatchObject([{ message: expect.stringContaining("It is ignored.") }]);
    client.leave();
    await expectReleased(context, client);
  });

  test("is drained with only a `retry:` if the client gets no control events", async () => {
    const context = createTestRegistry();
    const { client } = connectTo(context, { serve: { maxDuration: 1_000, control: false } });
    await context.clock.advance(1_000);
    expect(client.text).toBe(`${FIRST}retry: 1500\n\n`);
    await expectReleased(context, client);
  });

  test("is cut when its sink throws, and the source is released", async () => {
    const context = createTestRegistry();
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
      (own) => {
        connection = own;
        return cleanup;
      },
      {
        clock: context.clock,
        observer: { failed: ({ stage, error }) => expect([stage, error]).toEqual(["delivery", broken]) },
      },
    );
    connection?.push({ data: 1 });
    await context.clock.flush();
    await over;
    expect(cleanup).toHaveBeenCalledOnce();
    expect(client.state).toBe("destroyed");
    expect(context.clock.timers).toBe(0);
  });
});

test("a source that never waits does not starve the event loop", async () => {
  let yielded = 0;
  const client = createMemoryClient();
  const over = serve(
    client.request,
    client.open,
    (async function* () {
      for (;;) yield { data: ++yielded };
    })(),
  );
  await nextMacrotask();
  await nextMacrotask();
  const before = yielded;
  await nextMacrotask();
  expect(yielded).toBeGreaterThan(before);
  client.leave();
  await over;
  await nextMacrotask();
  const after = yielded;
  await nextMacrotask();
  expect(yielded).toBe(after);
});

test("a result that is neither pullable nor callable is ignored", async () => {
  for (const result of [undefined, null, 5, "text", {}, [1], Symbol("s")]) {
    const context = createTestRegistry();
    const { client, connection } = connectTo(context, {}, () => result as never);
    await context.clock.flush();
    connection.push({ data: 1 });
    connection.close();
    expect(client.text).toBe(FIRST + data(1) + LAST);
    expect(context.observed.failed).toEqual([]);
  }
});

test.each([undefined, null, "text", 5, {}, [], [{ data: 1 }]])(
  "%j is not a source, and `serve` rejects",
  async (source) => {
    const client = createMemoryClient();
    await expect(serve(client.request, client.open, source as never)).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
    expect(client.status).toBeUndefined();
    expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
  },
);

describe("in any sequence of pushes, reads and ends", () => {
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

  const anyHistory = fc.record({
    steps: fc.array(anyStep, { maxLength: 30, size: "max" }),
    returns: fc.constantFrom("a clean-up", "an iterable", "a stream", "nothing"),
    isSync: fc.boolean(),
    stalled: fc.boolean(),
  });

  test("the client gets everything pushed, in order, unless it is cut, and the source is released once", async () => {
    await fc.assert(
      fc.asyncProperty(anyHistory, async ({ steps, returns, isSync, stalled }) => {
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
        let setUp: "not yet" | "done" | "failed" = isSync ? "done" : "not yet";
        let connection: BareConnection | undefined;
        const source = (own: BareConnection) => {
          connection = own;
          const result = {
            "a clean-up": released,
            "an iterable": {
              [Symbol.asyncIterator]: () => ({
                next: never,
                return: async () => (released(), { done: true as const, value: undefined }),
              }),
            },
            "a stream": new ReadableStream<SseEvent>({ cancel: released }),
            nothing: undefined,
          }[returns];
          return isSync ? result : settingUp.promise.then(() => result);
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
        if (closed[0] === "failed") expect(received()).toBe(pushed + TEMPORARY);
        if (setUp === "not yet") settingUp.resolve();
        await clock.flush();
        expect(released).toHaveBeenCalledTimes(returns === "nothing" || setUp === "failed" ? 0 : 1);
        expect(closed).toHaveLength(1);
        expect(clock.timers).toBe(0);
        expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

test("the types of sources", () => {
  expectTypeOf<AsyncGenerator<SseEvent | HoldfastError>>().toExtend<BareSource>();
  expectTypeOf<ReadableStream<SseEvent>>().toExtend<BareSource>();
  expectTypeOf<() => Promise<void>>().toExtend<BareSource>();
  expectTypeOf<() => Promise<() => void>>().toExtend<BareSource>();
  expectTypeOf<() => AsyncGenerator<SseEvent>>().toExtend<BareSource>();
  expectTypeOf<() => Promise<ReadableStream<SseEvent>>>().toExtend<BareSource>();
  expectTypeOf<AsyncGenerator<string>>().not.toExtend<BareSource>();
  expectTypeOf<BareConnection["lastEventId"]>().toEqualTypeOf<string | undefined>();
});
