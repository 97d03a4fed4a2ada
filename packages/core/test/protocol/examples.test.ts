import { STATUS_CODES } from "node:http";
import { expect, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { ServeOptions } from "../../src/connection/serve-options.ts";
import type { BareConnection, Source } from "../../src/connection/source.ts";
import type { AnyEvents, SseEvent } from "../../src/protocol/event.ts";
import { NO_STREAM_HEADERS, readCursor, STREAM_HEADERS } from "../../src/protocol/headers.ts";
import { type Members, multiplex } from "../../src/multiplex/index.ts";
import type { RegistryOptions } from "../../src/registry/types.ts";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import type { StreamWriter } from "../../src/stream/writer.ts";
import { createFakeClock, createMemoryStore, type FakeClock } from "../../src/testing/index.ts";
import { createDatabase } from "../support/database.ts";
import { controlEvents, read, readExamples, union } from "../support/documents.ts";
import { createFaultyStore, type FaultyStore } from "../support/faulty-store.ts";
import { type TestClient, type TestRegistry, createTestRegistry } from "../support/test-registry.ts";

/*
 * Runs the scenario of each example in PROTOCOL-EXAMPLES.md, and compares every byte of the response.
 */

const examples = readExamples(read("PROTOCOL-EXAMPLES.md"));

/** The epoch of the stream in the examples, and one that it had before. */
const EPOCH = "k3v9x0q2ma";
const EARLIER_EPOCH = "8wq0c5tz1e";
/** The epoch of another producer that opens the stream later. */
const LATER_EPOCH = "p7d2m4h8sy";

/** A server, and the client of the example, which has not connected yet. */
interface Context extends Pick<TestRegistry, "clock" | "registry"> {
  /** The id in the path of the request. */
  readonly id: string;
  /** Makes the next epoch the one of the examples, after a number of other draws; every other draw is 0.5. */
  readonly fixEpoch: (draws?: number, epoch?: string) => void;
  /** Opens the stream, and pushes these words. */
  readonly open: (...words: string[]) => Promise<StreamWriter<AnyEvents>>;
  /** Connects the client: to the stream of the id, or to another source. */
  readonly connect: (source?: Source, options?: ServeOptions) => TestClient;
  /** Connects another client to the stream. */
  readonly connectAnother: () => void;
}

type CreateContext = (options?: RegistryOptions, clock?: FakeClock) => Context;
type Scenario = (createContext: CreateContext) => TestClient | Promise<TestClient>;

const token = (data: string): { event: string; data: string } => ({ event: "token", data });

const shareOf = ({ data }: SseEvent): string => (data as { share: string }).share;

/** The client connects after these words were pushed. */
const connectAfter =
  (words: string[], options?: RegistryOptions): Scenario =>
  async (createContext) => {
    const { open, connect } = createContext(options);
    await open(...words);
    return connect();
  };

/** The client connects after two producers, one after the other, have pushed a word each. */
const connectAfterJoint = (): Scenario => async (createContext) => {
  const { open, connect, fixEpoch, registry, id } = createContext({ retryWindow: 60_000 });
  const job = await open("Once");
  await job.fail(new Error("connect ECONNREFUSED 10.0.0.7:5432"));
  fixEpoch(0, LATER_EPOCH);
  const next = await registry.open(id, { ifExists: "append" });
  next.push(token("upon"));
  next.push(token("a"));
  return connect();
};

/** The client connects while another one is connected. */
const connectSecond =
  (options: RegistryOptions): Scenario =>
  async (createContext) => {
    const { open, connectAnother, connect } = createContext(options);
    await open();
    connectAnother();
    return connect();
  };

/** The client stays connected to an empty stream for this time. */
const stayFor =
  (ms: number, options: RegistryOptions): Scenario =>
  async (createContext) => {
    const { open, connect, clock } = createContext(options);
    await open();
    const client = connect();
    await clock.advance(ms);
    return client;
  };

/** The client connects to a server that holds nothing, whose database has this snapshot. */
const connectWithSnapshot =
  (snapshot: Snapshot<AnyEvents> | undefined): Scenario =>
  async (createContext) => {
    const { connect, clock } = createContext({ snapshot: () => snapshot });
    const client = connect();
    await clock.flush();
    return client;
  };

const finished = (...words: string[]): Snapshot<AnyEvents> => ({ state: "done", events: words.map(token) });

/** The client connects while two of four words are held. The snapshot has these events for the first three. */
const connectWithRunningSnapshot =
  (...events: { event: string; data: string }[]): Scenario =>
  async (createContext) => {
    const snapshot = { state: "running", at: `${EPOCH}.3`, events } as const;
    const { open, connect, clock } = createContext({ buffer: { events: 2 }, snapshot: () => snapshot });
    await open("Once", "upon", "a", "time");
    const client = connect();
    await clock.flush();
    return client;
  };

const summary = [
  { event: "title", data: "A tale" },
  { event: "text", data: "Once upon a" },
];

/** Two servers on one store. The producer runs on the first, the client connects to the second. */
function shareStore(createContext: CreateContext): {
  readonly clock: FakeClock;
  readonly producer: Context & { readonly store: FaultyStore };
  readonly reader: Context & { readonly store: FaultyStore };
} {
  const clock = createFakeClock();
  const shared = createMemoryStore({ clock });
  const join = (): Context & { readonly store: FaultyStore } => {
    const store = createFaultyStore(shared, { clock, random: () => 0.5 });
    return { ...createContext({ store }, clock), store };
  };
  return { clock, producer: join(), reader: join() };
}

const scenarios: Record<string, Scenario> = {
  HEAD: connectAfter(["Once"]),
  "An impossible id": (createContext) => createContext().connect(),
  "Over the limit": connectSecond({ maxConnections: 1 }),
  "Over the limit, refused": connectSecond({ maxConnections: 1, overload: "refuse" }),

  "A new stream": async (createContext) => {
    const { open, connect, clock } = createContext();
    const job = await open();
    const client = connect();
    job.push(token("Once"));
    job.push({ event: "progress", data: { done: 1, total: 4 } });
    job.push({ data: "two\nlines" });
    await clock.flush();
    return client;
  },
  "Resumed by header": connectAfter(["Once", "upon", "a"]),
  "Resumed by query": connectAfter(["Once", "upon", "a"]),
  "The header wins": connectAfter(["Once", "upon", "a"]),
  "From now on": async (createContext) => {
    const { open, connect, clock, registry, id } = createContext();
    const job = await open("Once", "upon");
    const client = connect(registry.stream(id, { from: "now" }));
    job.push(token("a"));
    await clock.flush();
    return client;
  },
  "A channel": (createContext) => {
    const { fixEpoch, connect, registry, id } = createContext({ buffer: { events: 2 } });
    fixEpoch();
    const room = registry.channel(id);
    for (const data of ["hello", "hi", "bye"]) room.push({ event: "said", data });
    return connect(registry.stream(id, { from: "start" }));
  },

  "An error that is not the end": async (createContext) => {
    const { open, connect, clock } = createContext();
    const job = await open();
    const client = connect();
    void job.pipe(async function* () {
      yield new HoldfastError("SOURCE_FAILED", "The model is busy.", { retryable: true, retryAfter: 2_000 });
      await new Promise<void>((resolve) => clock.after(2_000, resolve));
      yield token("Once");
      await new Promise(() => undefined);
    });
    await clock.advance(2_000);
    return client;
  },

  "Trimmed before the client connected": connectAfter(["Once", "upon", "a", "time"], {
    buffer: { events: 2 },
  }),
  "Trimmed while the client was away": connectAfter(["Once", "upon", "a", "time"], { buffer: { events: 2 } }),
  "Trimmed while the client did not read": async (createContext) => {
    const { open, connect, clock } = createContext({ buffer: { events: 2 } });
    const job = await open("Once");
    const client = connect();
    client.stall();
    job.push(token("upon"));
    await clock.flush();
    for (const word of ["a", "time", "there"]) job.push(token(word));
    client.drain();
    return client;
  },
  "A cursor of another epoch": connectAfter(["Once"]),
  "Opened again elsewhere": async (createContext) => {
    const { clock, producer, reader } = shareStore(createContext);
    producer.fixEpoch(0, EARLIER_EPOCH);
    const first = await producer.registry.open(producer.id);
    first.push(token("Once"));
    await clock.advance(10);
    const client = reader.connect();
    await clock.flush();
    await first.end();
    await producer.open("There");
    await clock.advance(10);
    return client;
  },
  "A cursor ahead of the stream": connectAfter(["Once"]),
  "An invalid cursor": connectAfter(["Once"]),

  "Drained at shutdown": async (createContext) => {
    const { open, connect, registry } = createContext();
    await open();
    const client = connect();
    await registry.close();
    return client;
  },
  "Drained at shutdown, on arrival": async (createContext) => {
    const { open, connect, registry } = createContext();
    await open();
    void registry.close();
    return connect();
  },
  "Drained at the maximum duration": stayFor(10_000, { maxDuration: 10_000 }),
  "Drained by the application": async (createContext) => {
    const { open, connect } = createContext();
    const job = await open();
    const login = new AbortController();
    const client = connect(job, { signal: login.signal });
    login.abort();
    return client;
  },
  "Drained by the application, on arrival": async (createContext) => {
    const { open, connect } = createContext();
    return connect(await open(), { signal: AbortSignal.abort() });
  },
  "Drained after waiting": async (createContext) => {
    const { connect, clock } = createContext({ wait: 10_000 });
    const client = connect();
    await clock.advance(10_000);
    return client;
  },
  "No room for a source": async (createContext) => {
    const { connect, registry } = createContext({ maxStreams: 1, source: () => new ReadableStream() });
    await registry.open("another");
    return connect();
  },

  "An ended stream": async (createContext) => {
    const { open, connect } = createContext();
    const job = await open("Once");
    await job.end({ event: "done", data: { words: 1 } });
    return connect();
  },
  Failed: async (createContext) => {
    const { open, connect } = createContext();
    const job = await open("Once");
    await job.fail(new Error("connect ECONNREFUSED 10.0.0.7:5432"));
    return connect();
  },
  "Failed by a refused event": async (createContext) => {
    const { open, connect } = createContext();
    const job = await open();
    await job.pipe(async function* () {
      yield { event: "stream.secret", data: "Once" };
    });
    return connect();
  },
  Cancelled: async (createContext) => {
    const { open, connect, clock, registry, id } = createContext();
    await open();
    const client = connect();
    await registry.cancel(id);
    await clock.flush();
    return client;
  },
  Expired: async (createContext) => {
    const { open, connect, clock } = createContext({ idle: 60_000 });
    await open("Once");
    await clock.advance(60_000);
    return connect();
  },
  Lost: async (createContext) => {
    const { clock, producer, reader } = shareStore(createContext);
    await producer.open("Once");
    await clock.advance(10);
    producer.store.disconnect();
    await clock.advance(5_000);
    const client = reader.connect();
    await clock.advance(10_000);
    return client;
  },

  "Opened while the client waits": async (createContext) => {
    const { open, connect, clock } = createContext();
    const client = connect();
    await open("Once");
    await clock.flush();
    return client;
  },
  "Gone after waiting": async (createContext) => {
    const { connect, clock, fixEpoch } = createContext({ heartbeat: Infinity });
    const client = connect();
    await clock.advance(89_999);
    expect(client.state).toBe("open");
    fixEpoch();
    await clock.advance(1);
    return client;
  },
  "A look-up that fails": async (createContext) => {
    const db = createDatabase();
    const { connect, clock } = createContext({ snapshot: db.snapshot });
    const client = connect();
    for (const wait of [500, 1_000]) {
      db.lastQuery.fail(new Error("connect ECONNREFUSED 10.0.0.7:5432"));
      await clock.advance(wait);
    }
    db.lastQuery.answer(finished("Once", "upon"));
    await clock.flush();
    return client;
  },
  "A store that does not answer": async (createContext) => {
    const { clock, producer, reader } = shareStore(createContext);
    await producer.open("Once");
    await clock.advance(10);
    reader.store.callFates = ["rejected"];
    const client = reader.connect();
    await clock.advance(1_000);
    reader.store.callFates = ["ok"];
    await clock.advance(5_000);
    return client;
  },

  "An unknown id": connectWithSnapshot(undefined),
  "An unknown id, after the response began": async (createContext) => {
    const { snapshot, queries } = createDatabase();
    const { connect, clock, fixEpoch } = createContext({ snapshot });
    const client = connect();
    await clock.advance(999);
    expect(client.status).toBeUndefined();
    await clock.advance(1);
    expect(client.status).toBe(200);
    // The first draw is the time until the next look-up.
    fixEpoch(1);
    queries[0]?.answer(undefined);
    await clock.flush();
    return client;
  },
  "Drained after waiting for a running stream": async (createContext) => {
    const snapshot = (): Snapshot<AnyEvents> => ({ state: "running" });
    const { connect, clock } = createContext({ snapshot, wait: 10_000, heartbeat: Infinity });
    const client = connect();
    await clock.advance(119_999);
    expect(client.state).toBe("open");
    await clock.advance(1);
    return client;
  },
  "A running snapshot": connectWithRunningSnapshot(...summary),
  "A running snapshot, on return": connectWithRunningSnapshot(...summary),
  "A running snapshot without events": connectWithRunningSnapshot(),
  "A finished snapshot": connectWithSnapshot(finished("Once", "upon")),
  "A finished snapshot, resumed": connectWithSnapshot(finished("Once", "upon")),
  "A finished snapshot, after its end": (createContext) => {
    const { snapshot, queries } = createDatabase();
    const client = createContext({ snapshot }).connect();
    expect(queries).toEqual([]);
    return client;
  },
  "A finished snapshot that has changed": connectWithSnapshot(finished("Once", "more")),
  "A failed snapshot": connectWithSnapshot({
    state: "failed",
    events: [{ event: "reason", data: "It was too long ago." }],
  }),
  "A source on demand": async (createContext) => {
    const { connect, clock, fixEpoch } = createContext({
      async *source() {
        yield token("Once");
        await new Promise(() => undefined);
      },
    });
    fixEpoch();
    const client = connect();
    await clock.flush();
    return client;
  },

  "A heartbeat": stayFor(15_000, {}),
  "A degraded stream": async (createContext) => {
    const { clock, producer, reader } = shareStore(createContext);
    const job = await producer.open("Once");
    await clock.advance(10);
    const client = reader.connect();
    await clock.advance(10);
    reader.store.callFates = ["rejected"];
    job.push(token("upon"));
    await clock.advance(10);
    reader.store.callFates = ["ok"];
    await clock.advance(5_000);
    return client;
  },

  "After the end": connectAfter(["Once"]),

  "Without control events": async (createContext) => {
    const { open, connect } = createContext({ buffer: { events: 2 } });
    const job = await open("Once", "upon", "a");
    await job.end();
    return connect(job, { control: false });
  },
  "With events in the place of control events": async (createContext) => {
    const { open, connect } = createContext();
    const job = await open("Once");
    await job.end();
    return connect(job, {
      control: ({ event }) => (event === "stream.end" ? { data: "[DONE]" } : undefined),
    });
  },
  "Failed, without control events": async (createContext) => {
    const { open, connect } = createContext();
    const job = await open("Once");
    await job.fail(new Error("connect ECONNREFUSED 10.0.0.7:5432"));
    return connect(job, { control: false });
  },
  "Drained, without control events": async (createContext) => {
    const { open, connect, registry } = createContext();
    const job = await open("Once");
    const client = connect(job, { control: false });
    await registry.close();
    return client;
  },
  "A reset that is not dispatched": async (createContext) => {
    const { open, connect, clock } = createContext({ buffer: { events: 2 } });
    const job = await open("Once");
    const client = connect(job, { control: false });
    client.stall();
    job.push(token("upon"));
    await clock.flush();
    for (const word of ["a", "time", "there"]) job.push(token(word));
    client.drain();
    return client;
  },
  "After the last event, without control events": async (createContext) => {
    const { open, connect } = createContext();
    const job = await open("Once");
    await job.end();
    return connect(job, { control: false });
  },

  "A bare source": async (createContext) => {
    const { connect, clock, fixEpoch } = createContext();
    const client = connect(async function* () {
      fixEpoch();
      yield { id: "line-1", ...token("Once") };
      yield token("upon");
    });
    await clock.flush();
    return client;
  },
  "A bare source that throws": async (createContext) => {
    const { connect, clock } = createContext();
    const client = connect((connection) => {
      connection.push(token("Once"));
      throw new Error("row 7 of db-3");
    });
    await clock.flush();
    return client;
  },
  "A bare source that fails for good": async (createContext) => {
    const { connect, clock, fixEpoch } = createContext();
    const client = connect((connection) => {
      fixEpoch();
      connection.fail(new HoldfastError("GONE", "There is no such poem."));
    });
    await clock.flush();
    return client;
  },
  "A bare source without control events": async (createContext) => {
    const { connect, clock, fixEpoch } = createContext();
    const source = async function* (): AsyncGenerator<SseEvent> {
      fixEpoch();
      yield token("Once");
    };
    const client = connect(source, { control: false });
    await clock.flush();
    return client;
  },
  "A bare source that throws, without control events": async (createContext) => {
    const { connect, clock } = createContext();
    const source = (connection: BareConnection): never => {
      connection.push(token("Once"));
      throw new Error("row 7 of db-3");
    };
    const client = connect(source, { control: false });
    await clock.flush();
    return client;
  },
  "A bare source that is drained": async (createContext) => {
    const { connect, clock } = createContext();
    const client = connect((connection) => connection.push({ id: "12:00:00", data: 17.5 }), {
      maxDuration: 10_000,
    });
    await clock.advance(10_000);
    return client;
  },
  "A bare source is not run twice": (createContext) =>
    createContext().connect(() => {
      throw new Error("The source ran.");
    }),

  Interrupted: async (createContext) => {
    const { open, connect, clock, fixEpoch, registry, id } = createContext({ retryWindow: 60_000 });
    const job = await open("Once");
    const client = connect();
    await job.fail(new Error("connect ECONNREFUSED 10.0.0.7:5432"));
    await clock.flush();
    fixEpoch(0, LATER_EPOCH);
    const next = await registry.open(id, { ifExists: "append" });
    next.push(token("upon"));
    await clock.flush();
    return client;
  },
  "Resumed across a joint": connectAfterJoint(),
  "A cursor ahead of a joint": connectAfterJoint(),
  Replaced: async (createContext) => {
    const { open, connect, clock, fixEpoch, registry, id } = createContext();
    await open("Once");
    const client = connect();
    await clock.flush();
    fixEpoch(0, LATER_EPOCH);
    const next = await registry.open(id, { ifExists: "replace" });
    next.push(token("There"));
    await clock.flush();
    return client;
  },

  "Two members": async (createContext) => {
    const { connect, clock, fixEpoch, registry } = createContext();
    fixEpoch();
    const job = await registry.open("42");
    for (const word of ["Once", "upon"]) job.push(token(word));
    fixEpoch(0, LATER_EPOCH);
    const lobby = registry.channel("lobby");
    lobby.push({ event: "said", data: "hi" });
    const client = connect(multiplex({ "jobs/42": registry.stream("42"), lobby }));
    await clock.flush();
    lobby.push({ event: "said", data: "bye" });
    job.push(token("a"));
    await clock.flush();
    return client;
  },
  "Members without a stream": async (createContext) => {
    const { connect, clock, registry } = createContext();
    const find: Members = (member) => {
      if (member === "jobs/4") throw new Error("connect ECONNREFUSED 10.0.0.7:5432");
      return member === "jobs/2" ? 403 : 404;
    };
    const client = connect(multiplex(find), { registry });
    await clock.flush();
    return client;
  },
  "All members have ended": async (createContext) => {
    const { connect, clock, registry } = createContext();
    const client = connect(multiplex((member) => registry.stream(member)));
    await clock.flush();
    return client;
  },
  "Several members without a name": async (createContext) => {
    const { connect, clock, registry } = createContext();
    const client = connect(multiplex((member) => registry.stream(member)));
    await clock.flush();
    return client;
  },
  "One member of an EventSource": async (createContext) => {
    const { connect, clock, fixEpoch, registry } = createContext();
    fixEpoch();
    const job = await registry.open("jobs/42");
    for (const word of ["Once", "upon", "a"]) job.push(token(word));
    const client = connect(multiplex((member) => registry.stream(member)));
    await clock.flush();
    return client;
  },
  "A member that is drained": async (createContext) => {
    const { connect, clock, fixEpoch, registry } = createContext();
    fixEpoch();
    await registry.open("jobs/42");
    const client = connect(multiplex((member) => registry.stream(member, { wait: 10_000 })));
    await clock.advance(10_000);
    return client;
  },

  "Latest values": async (createContext) => {
    const { fixEpoch, connect, registry, id, clock } = createContext({ latestBy: shareOf });
    fixEpoch();
    const prices = registry.channel(id);
    for (const data of [
      { share: "ACME", price: 10 },
      { share: "INIT", price: 7 },
      { share: "ACME", price: 12 },
    ])
      prices.push({ event: "price", data });
    const client = connect(prices);
    prices.delete("INIT", { event: "gone", data: { share: "INIT" } });
    await clock.flush();
    return client;
  },
  "Latest values, started over": async (createContext) => {
    const { fixEpoch, connect, registry, id, clock } = createContext({ latestBy: shareOf });
    fixEpoch();
    const prices = registry.channel(id);
    prices.push({ event: "price", data: { share: "ACME", price: 10 } });
    prices.push({ event: "price", data: { share: "INIT", price: 7 } });
    const client = connect(prices);
    prices.delete("INIT");
    await clock.flush();
    return client;
  },
};

test("every example has a scenario, in the same order", () => {
  expect(examples.map(({ title }) => title)).toEqual(Object.keys(scenarios));
});

test.each(examples)("$title", async ({ title, request, exchange }) => {
  const client = await scenarios[title]?.((options, clock) => createContext(request, options, clock));
  expect(`${request}\n\n${responseOf(client as TestClient)}`).toBe(exchange);
});

test("the examples show every control event, reset reason, drain reason and end status", () => {
  const all = examples.map(({ exchange }) => exchange).join("");
  const shown = [
    ...controlEvents().map((name) => `event: ${name}\n`),
    ...union("core", "ResetReason").map((reason) => `{"reason":"${reason}","lost":`),
    ...union("core", "DrainReason").map((reason) => `{"reason":"${reason}"}`),
    ...union("core", "EndStatus").map((status) => `{"status":"${status}"}`),
  ];
  expect(shown.filter((text) => !all.includes(text))).toEqual([]);
});

function createContext(request: string, options?: RegistryOptions, clock?: FakeClock): Context {
  const [method = "", url = ""] = request.split(" ");
  const cursor = readCursor(/^Last-Event-ID: (.*)$/m.exec(request)?.[1], url);
  const id = decodeURIComponent(/^\/\w+\/([^?]*)/.exec(url)?.[1] ?? "");
  const draws: number[] = [];
  const random = (): number => draws.shift() ?? 0.5;
  const server = createTestRegistry({ random, ...options }, clock);
  const fixEpoch = (before = 0, epoch = EPOCH): void => {
    draws.push(...Array<number>(before).fill(0.5));
    draws.push(...Array.from(epoch, (digit) => (Number.parseInt(digit, 36) + 0.5) / 36));
  };
  return {
    clock: server.clock,
    registry: server.registry,
    id,
    fixEpoch,
    async open(...words) {
      fixEpoch();
      const job = await server.registry.open(id);
      for (const word of words) job.push(token(word));
      return job;
    },
    connect(source = server.registry.stream(id), serve = {}) {
      const client = { method, url, ...(cursor !== undefined && { cursor }) };
      return server.connect(source, { ...client, serve: { random, ...serve } });
    },
    connectAnother: () => void server.connect(id),
  };
}

/** A response as the examples show it: without the headers of an event stream, which are always the same. */
function responseOf({ status = 0, request, headers, text, state }: TestClient): string {
  const isStream = status === 200 && request.method !== "HEAD";
  const isMultiplexed = text.includes("event: stream.member\n");
  if (isStream) expect(headers).toEqual({ ...STREAM_HEADERS, ...(isMultiplexed && NO_STREAM_HEADERS) });
  const lines = Object.entries(isStream ? {} : headers).map(([name, value]) => `${name}: ${value}\n`);
  const mark = { open: "…\n", flushed: "", cut: "✂\n" }[state as string];
  expect(mark).toBeDefined();
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\n${lines.join("")}\n${text}${mark}`;
}
