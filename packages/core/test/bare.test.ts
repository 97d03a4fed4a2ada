import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { HoldfastError } from "../src/errors.ts";
import type { SseEvent } from "../src/event.ts";
import { serve } from "../src/serve.ts";
import type { BareConnection, BareFunction, BareSource, Source } from "../src/source.ts";
import { createMemoryClient } from "../src/testing/index.ts";
import { type Guest, house, type House } from "./support/house.ts";

const FIRST = "retry: 1500\n\n";
const LAST = "id: iiiiiiiiii.0.end\n\n";

const data = (...items: unknown[]): string => items.map((item) => `data: ${String(item)}\n\n`).join("");
const forever = (): Promise<never> => new Promise(() => undefined);
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

async function* list<Item>(...items: Item[]): AsyncGenerator<Item> {
  yield* items;
}

/** The connection that a function was given, and the client that it serves. */
function connectTo({ connect }: House, options?: Parameters<House["connect"]>[1], source?: BareFunction) {
  let connection: BareConnection | undefined;
  const client = connect((given) => {
    connection = given;
    return source?.(given);
  }, options);
  return { client, connection: connection as BareConnection };
}

/** Nothing is left of an answer that is over. */
async function nothingLeft({ clock, told }: House, client: Guest): Promise<void> {
  await client.over;
  await clock.flush();
  expect(clock.timers).toBe(0);
  expect(getEventListeners(client.request.signal, "abort")).toEqual([]);
  expect(told.connectionClosed).toHaveLength(told.connectionOpened.length);
}

const reason = ({ told }: House): unknown => told.connectionClosed.at(-1)?.reason;

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
    const world = house();
    const client = world.connect(make());
    expect(client.text.startsWith(FIRST)).toBe(true);
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1, 2, 3) + LAST);
    expect(client.state).toBe("flushed");
    expect(world.told.failed).toEqual([]);
    expect(world.told.connectionClosed).toMatchObject([
      { reason: "closed", events: 3, bytes: client.text.length },
    ]);
    await nothingLeft(world, client);
  });

  test("is served to a client that takes a byte now and then", async () => {
    const world = house();
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
    const world = house();
    const client = world.connect(make(), { serve: { control: false } });
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1, 2, 3) + LAST);
    expect(client.blocks).toHaveLength(3);
  });
});

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
    const world = house();
    const { run, released, sources } = watched();
    for (const source of sources) {
      const client = world.connect(source, options);
      expect([client.status, client.text, client.state]).toEqual([status, "", "flushed"]);
      expect(client.headers).toMatchObject(headers);
      await nothingLeft(world, client);
    }
    expect(run).not.toHaveBeenCalled();
    expect(released).toHaveBeenCalledTimes(2);
    expect(world.told.connectionOpened).toEqual([]);
    expect(world.told.failed).toEqual([]);
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
    const world = house();
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
    const world = house();
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
    const world = house();
    const locked = new ReadableStream<SseEvent>();
    locked.getReader();
    const stuck = new ReadableStream<SseEvent>({ cancel: () => Promise.reject(new Error("stuck")) });
    for (const source of [locked, stuck]) {
      const client = world.connect(source, { method: "HEAD" });
      expect(client.status).toBe(200);
      await nothingLeft(world, client);
    }
    expect(world.told.failed.map(({ stage }) => stage)).toEqual(["source", "source"]);
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
    const { connection, client } = connectTo(house(), cursor === undefined ? {} : { cursor });
    expect(client.status).toBe(200);
    expect(connection.lastEventId).toBe(cursor);
  });
});

test("events go out with the fields that they were given, and no others", async () => {
  const world = house();
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
  const failing: [string, (error: unknown) => BareSource][] = [
    [
      "a generator",
      (error) =>
        (async function* () {
          yield { data: 1 };
          throw error;
        })(),
    ],
    [
      "a web stream",
      (error) =>
        new ReadableStream<SseEvent>(
          {
            pull(controller) {
              if (controller.desiredSize === 1) controller.enqueue({ data: 1 });
              this.pull = () => controller.error(error);
            },
          },
          { highWaterMark: 1 },
        ),
    ],
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
      const world = house();
      const client = world.connect(make(secret));
      await world.clock.flush();
      const error = told({ code: "SOURCE_FAILED", message: "The stream failed.", retryable: false });
      expect(client.text).toBe(FIRST + data(1) + error + LAST);
      expect(world.told.failed).toEqual([{ id: undefined, stage: "source", error: secret }]);
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
      const world = house();
      const client = world.connect(make(error));
      await world.clock.flush();
      expect(client.text).toBe(FIRST + data(1) + text + LAST);
      expect(world.told.failed).toMatchObject([{ error }]);
    }
  });

  test("says nothing of it to who does not dispatch control events, but not to come back", async () => {
    const world = house();
    const client = world.connect(failing[0]?.[1](secret) as BareSource, { serve: { control: false } });
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1) + LAST);
    expect(reason(world)).toBe("failed");
  });

  test("because its stream is read by somebody else has failed, too", async () => {
    const world = house();
    const locked = new ReadableStream<SseEvent>();
    locked.getReader();
    const client = world.connect(locked);
    await world.clock.flush();
    expect(client.events).toEqual([]);
    expect(client.text.endsWith(LAST)).toBe(true);
    expect(world.told.failed).toMatchObject([{ stage: "source", error: expect.any(TypeError) }]);
    await nothingLeft(world, client);
  });

  test("after it closed has closed, and the observer is told", async () => {
    const world = house();
    const client = world.connect(({ close }) => {
      close();
      throw secret;
    });
    expect(client.text).toBe(FIRST + LAST);
    expect(reason(world)).toBe("closed");
    expect(world.told.failed).toMatchObject([{ stage: "source", error: secret }]);
  });

  test("in its own cleanup disturbs nothing, and the observer is told", async () => {
    for (const cleanup of [
      () => Promise.reject(secret),
      () => {
        throw secret;
      },
    ]) {
      const world = house();
      const { client, connection } = connectTo(world, {}, () => cleanup);
      connection.close();
      expect(client.text).toBe(FIRST + LAST);
      await nothingLeft(world, client);
      expect(world.told.failed).toEqual([{ id: undefined, stage: "cleanup", error: secret }]);
    }
  });

  test("after its client has left fails for the observer alone, unless it only says that it was aborted", async () => {
    const world = house();
    const gone: BareFunction[] = [
      async ({ signal }) => {
        await untilAborted(signal);
        throw secret;
      },
      async function* ({ signal }) {
        await untilAborted(signal);
        throw secret;
      },
      async ({ signal }) => {
        await untilAborted(signal);
        signal.throwIfAborted();
      },
      async function* ({ signal }) {
        await untilAborted(signal);
        throw new DOMException("aborted", "AbortError");
      },
    ];
    for (const source of gone) {
      const client = world.connect(source);
      await world.clock.flush();
      client.leave();
      await nothingLeft(world, client);
      expect(client.text).toBe(FIRST);
    }
    expect(world.told.failed.map(({ error }) => error)).toEqual([secret, secret]);
  });
});

test("an error that is yielded is told, and the source goes on", async () => {
  const world = house();
  const slow = new HoldfastError("SOURCE_FAILED", "The model is slow.", { retryable: true });
  const client = world.connect(list<SseEvent | HoldfastError>({ data: 1 }, slow, { data: 2 }));
  await world.clock.flush();
  const error =
    'event: stream.error\ndata: {"code":"SOURCE_FAILED","message":"The model is slow.","retryable":true}\n\n';
  expect(client.text).toBe(FIRST + data(1) + error + data(2) + LAST);
  expect(world.told.connectionClosed).toMatchObject([{ reason: "closed", events: 2 }]);
  expect(world.told.failed).toEqual([]);

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
    const world = house();
    const { client, connection } = connectTo(world, options);
    connection.push({ data: 1 });
    expect(() => connection.push(event as SseEvent)).toThrow(expect.objectContaining({ code }));
    connection.push({ data: 2 });
    await world.clock.flush();
    expect(client.text).toBe(FIRST + data(1, 2));
    expect(world.told.failed).toEqual([]);
  });

  test.each(wrong)("fails an iterable that yields it, which is let go: %s", async (_, event, code) => {
    const world = house();
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
    const world = house();
    const { client, connection } = connectTo(world, options);
    connection.push({ data: "x".repeat(100 - data("").length) });
    await world.clock.flush();
    expect(client.events).toHaveLength(1);
  });
});
