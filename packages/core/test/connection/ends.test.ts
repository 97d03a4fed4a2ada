// How each way in which a connection can end looks to each kind of client. Bare sources that fail are tested in
// bare-source.test.ts, `subscribe` in test/stream/subscription.test.ts.

import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { Source } from "../../src/connection/source.ts";
import type { Control, ControlEvent } from "../../src/protocol/control-events.ts";
import type { SseEvent } from "../../src/protocol/event.ts";
import type { CloseReason } from "../../src/protocol/reasons.ts";
import type { RegistryOptions } from "../../src/registry/types.ts";
import { createFakeClock, createMemoryStore } from "../../src/testing/index.ts";
import { createFaultyStore } from "../support/faulty-store.ts";
import { type TestClient, type TestRegistry, createTestRegistry } from "../support/test-registry.ts";

/** Puts an event of the application in the place of each control event. */
const replace = ({ event, data }: ControlEvent): SseEvent => ({
  event: "note",
  data: describeControl(event, data),
});

function describeControl(event: string, data: object): string {
  return [event, ...Object.values(data).slice(0, 1)].join(" ");
}

interface Mode {
  readonly name: string;
  readonly control: Control;
  /** A control event as this client gets it. */
  readonly block: (event: string, data: object, fields?: string) => string;
}

const modes: Mode[] = [
  {
    name: "a client of control events",
    control: true,
    block: (event, data, fields = "") => `event: ${event}\n${fields}data: ${JSON.stringify(data)}\n\n`,
  },
  {
    name: "a client without control events",
    control: false,
    block: (_event, _data, fields = "") => (fields === "" ? "" : `${fields}\n`),
  },
  {
    name: "a client of events in their place",
    control: replace,
    block: (event, data, fields = "") => `event: note\n${fields}data: ${describeControl(event, data)}\n\n`,
  },
];

const lastId = ({ text }: TestClient): string | undefined => /^.*^id: (\S+)$/ms.exec(text)?.[1];
const closeReason = ({ observed }: TestRegistry): CloseReason | undefined =>
  observed.connectionClosed.at(-1)?.reason;

interface End {
  readonly name: string;
  readonly status: string;
  readonly error?: object;
  readonly options?: RegistryOptions;
  /** Ends the stream "a", which has one event. The client is connected, or connects afterwards. */
  readonly end: (context: TestRegistry, connect: () => TestClient) => Promise<TestClient>;
}

const ends: End[] = [
  {
    name: "done",
    status: "done",
    async end({ registry }, connect) {
      const job = await registry.open("a");
      job.push({ data: 1 });
      const client = connect();
      await job.end();
      return client;
    },
  },
  {
    name: "done, when the client connects later",
    status: "done",
    async end({ registry }, connect) {
      const job = await registry.open("a");
      await job.end({ data: 1 });
      return connect();
    },
  },
  {
    name: "failed; the error is never retryable",
    status: "failed",
    error: { code: "LIMIT_EXCEEDED", message: "Busy.", retryable: false },
    async end({ registry }, connect) {
      const job = await registry.open("a");
      job.push({ data: 1 });
      const client = connect();
      await job.fail(new HoldfastError("LIMIT_EXCEEDED", "Busy.", { retryable: true, retryAfter: 7_000 }));
      return client;
    },
  },
  {
    name: "failed after its retry window",
    status: "failed",
    error: { code: "SOURCE_FAILED", message: "The stream failed.", retryable: false },
    options: { retryWindow: 1_000 },
    async end({ registry, clock }, connect) {
      const job = await registry.open("a");
      job.push({ data: 1 });
      await job.fail(new Error("down"));
      await clock.advance(1_000);
      return connect();
    },
  },
  {
    name: "cancelled",
    status: "cancelled",
    async end({ registry }, connect) {
      const job = await registry.open("a");
      job.push({ data: 1 });
      const client = connect();
      await registry.cancel("a");
      return client;
    },
  },
  {
    name: "expired",
    status: "expired",
    options: { idle: 1_000 },
    async end({ registry, clock }, connect) {
      const job = await registry.open("a");
      job.push({ data: 1 });
      await clock.advance(1_000);
      return connect();
    },
  },
];

describe.each(ends)("a stream that is $name", ({ status, error, options, end }) => {
  test.each(modes)(
    "$name gets the terminal id behind the last event, a cut unless it is done, and then 204",
    async ({ control, block }) => {
      const context = createTestRegistry(options);
      const serve = { control };
      const client = await end(context, () => context.connect("a", { serve }));
      await context.clock.flush();
      const errorBlock = error === undefined ? "" : block("stream.error", error);
      expect(client.text.slice(client.text.indexOf("data: 1\n\n"))).toBe(
        // `stream.live` is for those that were there before the end.
        (client.text.includes("stream.live") ? `data: 1\n\n${block("stream.live", {})}` : "data: 1\n\n") +
          errorBlock +
          block("stream.end", { status }, "id: iiiiiiiiii.2.end\n"),
      );
      expect(client.state).toBe(status === "done" || control === true ? "flushed" : "cut");
      expect(closeReason(context)).toBe("ended");
      await client.over;
      const again = context.connect("a", { serve, cursor: lastId(client) as string });
      expect([lastId(client), again.status, again.text]).toEqual(["iiiiiiiiii.2.end", 204, ""]);
    },
  );

  test.each(modes)("$name whose cursor is its last event", async ({ control, block }) => {
    const context = createTestRegistry(options);
    await end(context, () => context.connect("a"));
    await context.clock.flush();
    const again = context.connect("a", { cursor: "iiiiiiiiii.1", serve: { control } });
    await context.clock.flush();
    if (control === true || (typeof control === "function" && status !== "done")) {
      expect(again.text.endsWith(block("stream.end", { status }, "id: iiiiiiiiii.2.end\n"))).toBe(true);
    } else {
      // It has no terminal id if it ignores an `id:` in a block without data.
      expect([again.status, again.text]).toEqual([204, ""]);
    }
  });
});

test.each(modes)("$name of a stream that is lost", async ({ control, block }) => {
  const clock = createFakeClock();
  const shared = createMemoryStore({ clock });
  const away = createFaultyStore(shared, { clock, random: () => 0.5 });
  const producer = createTestRegistry({ store: away }, clock);
  const reader = createTestRegistry({ store: shared }, clock);
  const job = await producer.registry.open("a");
  job.push({ data: 1 });
  await clock.advance(10);
  const client = reader.connect("a", { serve: { control } });
  await clock.advance(10);
  away.disconnect();
  await clock.advance(30_000);
  expect(client.text.endsWith(block("stream.end", { status: "lost" }, `id: ${job.epoch}.2.end\n`))).toBe(
    true,
  );
  expect(client.state).toBe(control === true ? "flushed" : "cut");
});

test.each(modes)("$name of a stream that does not exist", async ({ control, block }) => {
  let answer = (): void => undefined;
  const snapshot = (): Promise<undefined> =>
    new Promise((resolve) => {
      answer = () => resolve(undefined);
    });
  const context = createTestRegistry({ snapshot });
  const client = context.connect("a", { serve: { control } });
  await context.clock.advance(1_000);
  answer();
  await context.clock.flush();
  const error = { code: "GONE", message: "There is no such stream.", retryable: false };
  const last =
    block("stream.error", error) + block("stream.end", { status: "lost" }, "id: iiiiiiiiii.0.end\n");
  expect(client.text.endsWith(last)).toBe(true);
  expect([client.state, closeReason(context)]).toEqual([control === true ? "flushed" : "cut", "ended"]);
});

interface Drain {
  readonly reason: CloseReason;
  readonly retry: number;
  readonly options?: RegistryOptions;
  readonly drain: (context: TestRegistry, app: AbortController) => Promise<void>;
}

const drains: Drain[] = [
  { reason: "shutdown", retry: 4_000, drain: async ({ registry }) => void registry.close() },
  {
    reason: "max-duration",
    retry: 1_500,
    options: { maxDuration: 10_000 },
    drain: ({ clock }) => clock.advance(10_000),
  },
  { reason: "aborted", retry: 1_500, drain: async (_context, app) => app.abort() },
];

const sources: [name: string, open: (context: TestRegistry) => Promise<Source>][] = [
  [
    "a stream",
    async ({ registry }) => {
      const job = await registry.open("a");
      job.push({ data: 1 });
      return job;
    },
  ],
  [
    "a channel",
    async ({ registry }) => {
      const room = registry.channel("a");
      room.push({ data: 1 });
      return room;
    },
  ],
  [
    "a bare source",
    async () =>
      ({ push }) =>
        push({ data: 1 }),
  ],
];

describe.each(sources)("a client of %s that is drained", (kind, open) => {
  const isBare = kind === "a bare source";

  test.each(drains.flatMap((drain) => modes.map((mode) => ({ ...drain, ...mode }))))(
    "because of $reason: $name is asked to reconnect, and cut if it does not get control events",
    async ({ reason, retry, options = {}, drain, control, block }) => {
      const context = createTestRegistry({ from: "start", ...options });
      const app = new AbortController();
      const { maxDuration } = options;
      const serve = {
        control,
        signal: app.signal,
        ...(maxDuration !== undefined && { maxDuration }),
        ...(isBare && { registry: context.registry }),
      };
      const client = context.connect(await open(context), { serve });
      await context.clock.flush();
      await drain(context, app);
      await context.clock.flush();
      const live = isBare ? "" : block("stream.live", {});
      const last = block("stream.drain", { reason }, `retry: ${retry}\n`);
      expect(client.text.endsWith(`data: 1\n\n${live}${last}`)).toBe(true);
      expect(client.text).not.toContain(".end");
      expect([client.state, closeReason(context)]).toEqual([control === true ? "flushed" : "cut", reason]);
    },
  );
});

test.each(modes)("$name that waits in vain", async ({ control, block }) => {
  const context = createTestRegistry({ wait: 10_000 });
  const client = context.connect("a", { serve: { control } });
  await context.clock.advance(10_000);
  expect(client.text.endsWith(block("stream.drain", { reason: "waiting" }, "retry: 1500\n"))).toBe(true);
  expect([client.state, closeReason(context)]).toEqual([control === true ? "flushed" : "cut", "waiting"]);
});

test.each(modes)("$name for which there is no room", async ({ control, block }) => {
  const context = createTestRegistry({ maxConnections: 1 });
  await context.registry.open("a");
  context.connect("a");
  const client = context.connect("a", { serve: { control } });
  await context.clock.flush();
  expect(client.text).toBe(block("stream.drain", { reason: "busy" }, "retry: 17500\n"));
  expect([client.state, closeReason(context)]).toEqual([control === true ? "flushed" : "cut", "busy"]);
});

describe.each(sources.slice(0, 2))("a client of %s that has lost events", (kind, open) => {
  async function fallBehind(control: Control): Promise<{ context: TestRegistry; client: TestClient }> {
    const context = createTestRegistry({ buffer: { events: 2 } });
    const { registry, clock } = context;
    const source = await open(context);
    const push = (data: number): void => {
      if (kind === "a channel") registry.channel("a").push({ data });
      else (source as unknown as { push(event: SseEvent): void }).push({ data });
    };
    const client = context.connect(source, { serve: { control } });
    await clock.flush();
    client.stall();
    push(2);
    await clock.flush();
    for (const data of [3, 4, 5]) push(data);
    client.drain();
    await clock.flush();
    return { context, client };
  }

  test.each(modes)("behind those that it got on this connection: $name", async ({ control, block }) => {
    const { context, client } = await fallBehind(control);
    const reset = block("stream.reset", { reason: "trimmed", lost: [3, 3] }, "id: iiiiiiiiii.3\n");
    expect(context.observed.reset).toEqual([{ id: "a", reason: "trimmed", lost: [3, 3] }]);
    if (control === false) {
      expect(client.text.endsWith("id: iiiiiiiiii.2\ndata: 2\n\n")).toBe(true);
      expect([client.state, closeReason(context)]).toEqual(["cut", "reset"]);
      const again = context.connect("a", { cursor: lastId(client) as string, serve: { control } });
      await context.clock.flush();
      expect(again.events).toEqual([4, 5]);
    } else {
      expect(client.text).toContain(`data: 2\n\n${reset}id: iiiiiiiiii.4\ndata: 4\n\n`);
      expect(client.state).toBe("open");
    }
  });

  test("is cut if `control` returns nothing for `stream.reset`, and not if it returns nothing else", async () => {
    const onlyReset = await fallBehind((event) =>
      event.event === "stream.reset" ? replace(event) : undefined,
    );
    expect(onlyReset.client.state).toBe("open");
    const allButReset = await fallBehind((event) =>
      event.event === "stream.reset" ? undefined : replace(event),
    );
    expect([allButReset.client.state, closeReason(allButReset.context)]).toEqual(["cut", "reset"]);
  });

  test.each(modes)("before its first event of this connection: $name is served on", async ({ control }) => {
    const context = createTestRegistry({ buffer: { events: 2 } });
    await open(context);
    const client = context.connect("a", { cursor: "zzzzzzzzzz.7", serve: { control } });
    await context.clock.flush();
    expect([client.state, client.text.includes("data: 1\n\n")]).toEqual(["open", true]);
  });
});

test.each(modes)("$name of a stream that is replaced", async ({ control, block }) => {
  const context = createTestRegistry({ random: Math.random });
  const { registry, clock, connect } = context;
  const first = await registry.open("a");
  first.push({ data: 1 });
  const client = connect("a", { serve: { control } });
  await clock.flush();
  const second = await registry.open("a", { ifExists: "replace" });
  second.push({ data: 2 });
  await clock.flush();
  expect(first.signal.reason).toMatchObject({ code: "TAKEN_OVER" });
  if (control === false) {
    expect([client.state, closeReason(context), client.text.includes("data: 2")]).toEqual([
      "cut",
      "reset",
      false,
    ]);
  } else {
    const reset = block("stream.reset", { reason: "epoch", lost: null }, `id: ${second.epoch}.0\n`);
    expect(client.text.endsWith(`${reset}id: ${second.epoch}.1\ndata: 2\n\n`)).toBe(true);
    expect(client.state).toBe("open");
  }
});

test.each(modes)(
  "$name of a stream that is interrupted stays, and gets the rest",
  async ({ control, block }) => {
    const { registry, clock, connect } = createTestRegistry({ retryWindow: 60_000, random: Math.random });
    const first = await registry.open("a");
    first.push({ data: 1 });
    const client = connect("a", { serve: { control } });
    await clock.flush();
    await first.fail(new Error("down"));
    await clock.flush();
    const message = "The stream is interrupted. It continues when its producer is back.";
    const interrupted = block("stream.error", { code: "INTERRUPTED", message, retryable: true });
    expect([
      client.state,
      client.text.endsWith(`data: 1\n\n${block("stream.live", {})}${interrupted}`),
    ]).toEqual(["open", true]);
    const newcomer = connect("a", { serve: { control } });
    await clock.flush();
    expect([newcomer.state, newcomer.text.endsWith(interrupted)]).toEqual(["open", true]);
    if (control === true)
      expect(newcomer.blocks[0]).toMatchObject(["stream.open", expect.anything(), { state: "live" }]);

    const second = await registry.open("a", { ifExists: "append" });
    await second.end({ data: 2 });
    await clock.flush();
    const rest = `id: ${second.epoch}.2\ndata: 2\n\n${block("stream.end", { status: "done" }, `id: ${second.epoch}.3.end\n`)}`;
    for (const { text, state } of [client, newcomer]) {
      expect([state, text.endsWith(interrupted + rest)]).toEqual(["flushed", true]);
    }
  },
);

describe("a `control` function that throws", () => {
  const broken = new Error("broken");
  const throwFor =
    (name: string) =>
    (event: ControlEvent): SseEvent | undefined => {
      if (event.event === name) throw broken;
      return undefined;
    };

  test.each(["stream.open", "stream.live", "stream.reset", "stream.error", "stream.end"])(
    "for %s costs this connection alone, and somebody gets the error",
    async (name) => {
      const context = createTestRegistry({ retryWindow: 60_000, buffer: { events: 2 } });
      const { registry, clock, connect, observed } = context;
      const job = await registry.open("a");
      const others = [connect("a"), connect("a", { serve: { control: false } })];
      const client = connect("a", { cursor: "zzzzzzzzzz.7", serve: { control: throwFor(name) } });
      others.push(connect("a"));
      client.over.catch(() => undefined);
      job.push({ data: 1 });
      await clock.flush();
      await job.fail(new Error("down"));
      await clock.flush();
      const next = await registry.open("a", { ifExists: "append" });
      await next.end({ data: 2 });
      await clock.flush();
      expect(others.map(({ state, events }) => [state, events])).toEqual([
        ["flushed", [1, 2]],
        ["flushed", [1, 2]],
        ["flushed", [1, 2]],
      ]);
      const failures = observed.failed.filter(({ error }) => error === broken);
      if (name === "stream.open" || name === "stream.reset") {
        // The response has not started: the adapter gets the error.
        await expect(client.over).rejects.toBe(broken);
        expect([client.state, failures]).toEqual(["idle", []]);
      } else {
        expect(client.state).toBe("destroyed");
        expect(failures).toEqual([{ id: "a", stage: "delivery", error: broken }]);
      }
      await registry.close();
      expect(clock.timers).toBe(0);
    },
  );

  test("for stream.drain costs this connection alone", async () => {
    for (const reason of ["shutdown", "max-duration", "aborted"]) {
      const context = createTestRegistry({ maxDuration: 10_000 });
      const { registry, clock, connect, observed } = context;
      await registry.open("a");
      const app = new AbortController();
      const { signal } = app;
      const client = connect("a", { serve: { control: throwFor("stream.drain"), signal } });
      const other = connect("a", { serve: { signal } });
      await clock.flush();
      if (reason === "max-duration") await clock.advance(10_000);
      else if (reason === "aborted") app.abort();
      else await registry.close();
      expect([client.state, other.state]).toEqual(["destroyed", "flushed"]);
      expect(observed.failed).toEqual([{ id: "a", stage: "delivery", error: broken }]);
      expect(observed.connectionClosed.map((closed) => closed.reason)).toEqual(["failed", reason]);
      await registry.close();
      expect(clock.timers).toBe(0);
    }
  });

  test("of a bare source costs this connection alone", async () => {
    for (const name of ["stream.end", "stream.error"]) {
      const { clock, connect, observed } = createTestRegistry();
      const client = connect(
        ({ push, close, fail }) => {
          push({ data: 1 });
          if (name === "stream.end") close();
          else fail(new Error("down"));
        },
        { serve: { control: throwFor(name) } },
      );
      await clock.flush();
      expect([client.state, client.text]).toEqual(["destroyed", "retry: 1500\n\ndata: 1\n\n"]);
      expect(observed.failed).toContainEqual({ id: undefined, stage: "delivery", error: broken });
      expect(clock.timers).toBe(0);
    }
  });

  test("or returns an event with an id has the same effect", async () => {
    const { registry, clock, connect, observed } = createTestRegistry();
    const job = await registry.open("a");
    const client = connect("a", {
      serve: { control: ({ event }) => (event === "stream.end" ? { id: "1" } : undefined) },
    });
    await job.end();
    await clock.flush();
    expect(client.state).toBe("destroyed");
    expect(observed.failed).toMatchObject([{ stage: "delivery", error: { code: "INVALID_EVENT" } }]);
  });
});
