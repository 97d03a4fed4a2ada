import { STATUS_CODES } from "node:http";
import { describe, expect, test } from "vitest";
import { encodeEvent } from "../../src/protocol/encode.ts";
import { HoldfastError } from "../../src/base/errors.ts";
import type { AnyEvents } from "../../src/protocol/event.ts";
import { readCursor, STREAM_HEADERS } from "../../src/protocol/headers.ts";
import type { ServeOptions } from "../../src/connection/options.ts";
import type { RegistryOptions } from "../../src/registry/registry.ts";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import type { Source } from "../../src/connection/source.ts";
import type { StreamWriter } from "../../src/stream/writer.ts";
import { database } from "../support/database.ts";
import { controlEvents, names, read, readExamples, section, union } from "../support/documents.ts";
import { type Guest, type House, house } from "../support/test-registry.ts";

const PROTOCOL = read("PROTOCOL.md");
const ERRORS = read("docs/errors.md");

/** The epoch of every stream in the examples. */
const EPOCH = "k3v9x0q2ma";

/** Where a scenario takes place: a registry, and the example's client, who has not come yet. */
interface Stage extends Pick<House, "clock" | "registry"> {
  /** The id in the request's path. */
  readonly id: string;
  /** After so many other draws the next epoch will be that of the examples. All other chance lies in the middle. */
  readonly loadEpoch: (after?: number) => void;
  /** Opens the stream and pushes these words. */
  readonly open: (...words: string[]) => Promise<StreamWriter<AnyEvents>>;
  /** The client comes: for the stream of that id, or for another source. */
  readonly come: (source?: Source, options?: ServeOptions) => Guest;
  /** Another client comes for that stream, and stays. */
  readonly otherComes: () => void;
}

type Scenario = (stage: (options?: RegistryOptions) => Stage) => Guest | Promise<Guest>;

const token = (data: string): { event: string; data: string } => ({ event: "token", data });

/** The client comes when these words were pushed. */
const comesAfter =
  (words: string[], options?: RegistryOptions): Scenario =>
  async (stage) => {
    const { open, come } = stage(options);
    await open(...words);
    return come();
  };

/** Another client is there already. */
const comesSecond =
  (options: RegistryOptions): Scenario =>
  async (stage) => {
    const { open, otherComes, come } = stage(options);
    await open();
    otherComes();
    return come();
  };

/** The client stays until the time is over. */
const staysFor =
  (ms: number, options: RegistryOptions): Scenario =>
  async (stage) => {
    const { open, come, clock } = stage(options);
    await open();
    const client = come();
    await clock.advance(ms);
    return client;
  };

/** The client comes to a server that holds nothing, and whose database has this answer. */
const comesFor =
  (snapshot: Snapshot<AnyEvents> | undefined): Scenario =>
  async (stage) => {
    const { come, clock } = stage({ snapshot: () => snapshot });
    const client = come();
    await clock.flush();
    return client;
  };

/** An answer of the database that is all of a stream. */
const done = (...words: string[]): Snapshot<AnyEvents> => ({ state: "done", events: words.map(token) });

/** The client comes when two of four words are held, and the database has these events for the first three. */
const comesAmid =
  (...events: { event: string; data: string }[]): Scenario =>
  async (stage) => {
    const snapshot = { state: "running", at: `${EPOCH}.3`, events } as const;
    const { open, come, clock } = stage({ buffer: { events: 2 }, snapshot: () => snapshot });
    await open("Once", "upon", "a", "time");
    const client = come();
    await clock.flush();
    return client;
  };

const summary = [
  { event: "title", data: "A tale" },
  { event: "text", data: "Once upon a" },
];

const scenarios: Record<string, Scenario> = {
  "A new stream": async (stage) => {
    const { open, come, clock } = stage();
    const job = await open();
    const client = come();
    job.push(token("Once"));
    job.push({ event: "progress", data: { done: 1, total: 4 } });
    job.push({ data: "two\nlines" });
    await clock.flush();
    return client;
  },
  "A late joiner": async (stage) => {
    const { open, come } = stage();
    const job = await open("Once");
    await job.end({ event: "done", data: { words: 1 } });
    return come();
  },
  "Resumed by the header": comesAfter(["Once", "upon", "a"]),
  "Resumed by the query": comesAfter(["Once", "upon", "a"]),
  "The header wins": comesAfter(["Once", "upon", "a"]),
  "From now on": async (stage) => {
    const { open, come, clock, registry, id } = stage();
    const job = await open("Once", "upon");
    const client = come(registry.stream(id, { from: "now" }));
    job.push(token("a"));
    await clock.flush();
    return client;
  },
  "Waiting, then found": async (stage) => {
    const { open, come, clock } = stage();
    const client = come();
    await open("Once");
    await clock.flush();
    return client;
  },
  "A heartbeat": staysFor(15_000, {}),
  "Trimmed before the client came": comesAfter(["Once", "upon", "a", "time"], { buffer: { events: 2 } }),
  "Trimmed while the client was away": comesAfter(["Once", "upon", "a", "time"], { buffer: { events: 2 } }),
  "Trimmed while the client did not read": async (stage) => {
    const { open, come, clock } = stage({ buffer: { events: 2 } });
    const job = await open("Once");
    const client = come();
    client.stall();
    job.push(token("upon"));
    await clock.flush();
    for (const word of ["a", "time", "there"]) job.push(token(word));
    client.drain();
    return client;
  },
  "A cursor of another epoch": comesAfter(["Once"]),
  "A cursor ahead of the stream": comesAfter(["Once"]),
  "An invalid cursor": comesAfter(["Once"]),
  "A channel": (stage) => {
    const { loadEpoch, come, registry, id } = stage({ buffer: { events: 2 } });
    loadEpoch();
    const room = registry.channel(id);
    for (const data of ["hello", "hi", "bye"]) room.push({ event: "said", data });
    return come(room);
  },
  "An error that is no end": async (stage) => {
    const { open, come, clock } = stage();
    const job = await open();
    const client = come();
    void job.pipe(async function* () {
      yield new HoldfastError("SOURCE_FAILED", "The model is busy.", { retryable: true, retryAfter: 2_000 });
      await new Promise<void>((resolve) => clock.after(2_000, resolve));
      yield token("Once");
      await new Promise(() => undefined);
    });
    await clock.advance(2_000);
    return client;
  },
  Failed: async (stage) => {
    const { open, come } = stage();
    const job = await open("Once");
    await job.fail(new Error("connect ECONNREFUSED 10.0.0.7:5432"));
    return come();
  },
  "Failed by an event that was refused": async (stage) => {
    const { open, come } = stage();
    const job = await open();
    await job.pipe(async function* () {
      yield { event: "stream.secret", data: "Once" };
    });
    return come();
  },
  Cancelled: async (stage) => {
    const { open, come, clock, registry, id } = stage();
    await open();
    const client = come();
    await registry.cancel(id);
    await clock.flush();
    return client;
  },
  Expired: async (stage) => {
    const { open, come, clock } = stage({ idle: 60_000 });
    await open("Once");
    await clock.advance(60_000);
    return come();
  },
  "Nothing more to come": comesAfter(["Once"]),
  "Drained at the maximum duration": staysFor(10_000, { maxDuration: 10_000 }),
  "Drained by the application": async (stage) => {
    const { open, come } = stage();
    const job = await open();
    const login = new AbortController();
    const client = come(job, { signal: login.signal });
    login.abort();
    return client;
  },
  "Drained by the application, on arrival": async (stage) => {
    const { open, come } = stage();
    return come(await open(), { signal: AbortSignal.abort() });
  },
  "Drained at shutdown": async (stage) => {
    const { open, come, registry } = stage();
    await open();
    const client = come();
    await registry.close();
    return client;
  },
  "Drained on arrival, at shutdown": async (stage) => {
    const { open, come, registry } = stage();
    await open();
    void registry.close();
    return come();
  },
  "Drained after waiting": async (stage) => {
    const { come, clock } = stage({ wait: 10_000 });
    const client = come();
    await clock.advance(10_000);
    return client;
  },
  "Drained after waiting for what runs": async (stage) => {
    const snapshot = (): Snapshot<AnyEvents> => ({ state: "running" });
    const { come, clock } = stage({ snapshot, wait: 10_000, heartbeat: Infinity });
    const client = come();
    await clock.advance(119_999);
    expect(client.state).toBe("open");
    await clock.advance(1);
    return client;
  },
  "Too many": comesSecond({ maxConnections: 1 }),
  "Too many, refused": comesSecond({ maxConnections: 1, overload: "refuse" }),
  "A source for which there is no room": async (stage) => {
    const { come, registry } = stage({ maxStreams: 1, source: () => new ReadableStream() });
    await registry.open("another");
    return come();
  },
  "An impossible id": (stage) => stage().come(),
  "An unknown id": comesFor(undefined),
  "An unknown id, found out too late": async (stage) => {
    const { snapshot, asked } = database();
    const { come, clock, loadEpoch } = stage({ snapshot });
    const client = come();
    await clock.advance(999);
    expect(client.status).toBeUndefined();
    await clock.advance(1);
    expect(client.status).toBe(200);
    // One is drawn for when it would be asked again.
    loadEpoch(1);
    asked[0]?.answer(undefined);
    await clock.flush();
    return client;
  },
  "A database that fails": async (stage) => {
    const db = database();
    const { come, clock } = stage({ snapshot: db.snapshot });
    const client = come();
    for (const wait of [500, 1_000]) {
      db.last.fail(new Error("connect ECONNREFUSED 10.0.0.7:5432"));
      await clock.advance(wait);
    }
    db.last.answer(done("Once", "upon"));
    await clock.flush();
    return client;
  },
  "A finished answer": comesFor(done("Once", "upon")),
  "A finished answer, resumed": comesFor(done("Once", "upon")),
  "A finished answer, of which there is nothing more": (stage) => {
    const { snapshot, asked } = database();
    const client = stage({ snapshot }).come();
    expect(asked).toEqual([]);
    return client;
  },
  "A finished answer that has changed": comesFor(done("Once", "more")),
  "A finished answer that failed": comesFor({
    state: "failed",
    events: [{ event: "reason", data: "It was too long ago." }],
  }),
  "A running answer": comesAmid(...summary),
  "A running answer for a client that was away": comesAmid(...summary),
  "A running answer without events": comesAmid(),
  "A source on demand": async (stage) => {
    const { come, clock, loadEpoch } = stage({
      async *source() {
        yield token("Once");
        await new Promise(() => undefined);
      },
    });
    loadEpoch();
    const client = come();
    await clock.flush();
    return client;
  },
  "Headers only": comesAfter(["Once"]),
  "Without control events": async (stage) => {
    const { open, come } = stage({ buffer: { events: 2 } });
    const job = await open("Once", "upon", "a");
    await job.end();
    return come(job, { control: false });
  },
  "A bare source": async (stage) => {
    const { come, clock, loadEpoch } = stage();
    const client = come(async function* () {
      loadEpoch();
      yield { id: "line-1", ...token("Once") };
      yield token("upon");
    });
    await clock.flush();
    return client;
  },
  "A bare source is not run twice": (stage) =>
    stage().come(() => {
      throw new Error("It was.");
    }),
  "A bare source that throws": async (stage) => {
    const { come, clock, loadEpoch } = stage();
    const client = come((connection) => {
      connection.push(token("Once"));
      loadEpoch();
      throw new Error("row 7 of db-3");
    });
    await clock.flush();
    return client;
  },
  "A bare source that is drained": async (stage) => {
    const { come, clock } = stage();
    const client = come((connection) => connection.push({ id: "12:00:00", data: 17.5 }), {
      maxDuration: 10_000,
    });
    await clock.advance(10_000);
    return client;
  },
};

describe("the examples", () => {
  const examples = readExamples(PROTOCOL);

  test("have a scenario each, in this order", () => {
    expect(examples.map(({ title }) => title)).toEqual(Object.keys(scenarios));
  });

  test.each(examples)("$title: what is sent", async ({ title, request, exchange }) => {
    const client = await scenarios[title]?.((options) => setStage(request, options));
    expect(`${request}\n\n${answerOf(client as Guest)}`).toBe(exchange);
  });

  test("show every control event, reset, drain and end, but for one that nothing sends yet", () => {
    const all = examples.map(({ exchange }) => exchange).join("");
    const shown = [
      ...controlEvents().map((name) => `event: ${name}\n`),
      ...union("protocol/reasons", "ResetReason").map((reason) => `{"reason":"${reason}","lost":`),
      ...union("protocol/reasons", "DrainReason").map((reason) => `{"reason":"${reason}"}`),
      ...union("protocol/reasons", "EndStatus").map((status) => `{"status":"${status}"}`),
    ];
    expect(shown.filter((text) => !all.includes(text))).toEqual([`{"status":"lost"}`]);
  });
});

describe("the tables", () => {
  test.each([
    ["Error codes", [ERRORS], union("base/errors", "ErrorCode")],
    ["Close reasons", [ERRORS], union("protocol/reasons", "CloseReason")],
    ["Failure stages", [ERRORS], union("protocol/observer", "FailureStage")],
    ["Control events", [ERRORS, PROTOCOL], controlEvents()],
    ["Reset reasons", [ERRORS, PROTOCOL], union("protocol/reasons", "ResetReason")],
    ["Drain reasons", [ERRORS, PROTOCOL], union("protocol/reasons", "DrainReason")],
    ["End statuses", [ERRORS, PROTOCOL], union("protocol/reasons", "EndStatus")],
  ])("%s: those of the source", (title, documents, members) => {
    for (const markdown of documents) expect(names(markdown, title).sort()).toEqual([...members].sort());
  });

  test("Encoding: each event is sent as it says", () => {
    const rows = [...section(PROTOCOL, "Encoding").matchAll(/^\| `(\{.+\})` \| `(.+)` \|$/gm)];
    expect(rows).not.toEqual([]);
    for (const [, pushed = "", sent = ""] of rows) {
      const bytes = encodeEvent(JSON.parse(pushed) as object);
      expect(new TextDecoder().decode(bytes)).toBe(sent.replaceAll("\\n", "\n"));
    }
  });

  test("Reconnection times: from the least that chance gives to the most", async () => {
    const rows = section(PROTOCOL, "Reconnection times").matchAll(/^\| (.+) \| ([\d,]+) \| ([\d,]+) \|$/gm);
    const [least, most] = [await retries(0), await retries(1 - 2 ** -53)];
    expect([...rows].map((row) => row.slice(1))).toEqual(
      Object.keys(least).map((name) => [name, least[name], most[name]]),
    );
  });
});

function setStage(request: string, options?: RegistryOptions): Stage {
  const [method = "", url = ""] = request.split(" ");
  const cursor = readCursor(/^Last-Event-ID: (.*)$/m.exec(request)?.[1], url);
  const id = decodeURIComponent(/^\/\w+\/([^?]*)/.exec(url)?.[1] ?? "");
  const draws: number[] = [];
  const random = (): number => draws.shift() ?? 0.5;
  const place = house({ random, ...options });
  const loadEpoch = (after = 0): void => {
    draws.push(...Array<number>(after).fill(0.5));
    draws.push(...Array.from(EPOCH, (digit) => (Number.parseInt(digit, 36) + 0.5) / 36));
  };
  return {
    clock: place.clock,
    registry: place.registry,
    id,
    loadEpoch,
    async open(...words) {
      loadEpoch();
      const job = await place.registry.open(id);
      for (const word of words) job.push(token(word));
      return job;
    },
    come(source = place.registry.stream(id), serve = {}) {
      const client = { method, ...(cursor !== undefined && { cursor }) };
      return place.connect(source, { ...client, serve: { random, ...serve } });
    },
    otherComes: () => void place.connect(id),
  };
}

/** An answer as the document writes it: an event stream's headers are always the same, and are left out. */
function answerOf({ status = 0, request, headers, text, state }: Guest): string {
  const isStream = status === 200 && request.method !== "HEAD";
  if (isStream) expect(headers).toEqual(STREAM_HEADERS);
  const lines = Object.entries(isStream ? {} : headers).map(([name, value]) => `${name}: ${value}\n`);
  expect(["open", "flushed"]).toContain(state);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\n${lines.join("")}\n${text}${state === "open" ? "…\n" : ""}`;
}

/** The `retry:` of everything that has one, when chance is always the same. */
async function retries(chance: number): Promise<Record<string, string>> {
  const random = (): number => chance;
  const place = house({ random, wait: 5_000, maxDuration: 10_000, maxConnections: 2 });
  await place.registry.open("a");
  const [waits, stays, isTooMuch] = [place.connect("nobody"), place.connect("a"), place.connect("a")];
  const opened = retryOf(stays);
  await place.clock.advance(11_001);
  const aborted = place.connect("a", { serve: { signal: AbortSignal.abort() } });
  const last = place.connect("a");
  void place.registry.close();
  expect(retryOf(place.connect("a"))).toBe(retryOf(last));
  const [first, sixth] = await failedLookUps(random);
  return {
    "`stream.open`": opened,
    "the first block of a bare source": retryOf(place.connect(() => undefined, { serve: { random } })),
    "`stream.drain`: `waiting`": retryOf(waits),
    "`stream.drain`: `max-duration`": retryOf(stays),
    "`stream.drain`: `aborted`": retryOf(aborted),
    "`stream.drain`: `shutdown`": retryOf(last),
    "`stream.drain`: `busy`": retryOf(isTooMuch),
    "`stream.error`: `SNAPSHOT_FAILED`, at the first failure": retryOf(first),
    "`stream.error`: `SNAPSHOT_FAILED`, from the sixth on": retryOf(sixth),
  };
}

/** Who came before the first of six failures in a row, and who came before the sixth. */
async function failedLookUps(random: () => number): Promise<[Guest, Guest]> {
  const db = database();
  const { connect, clock } = house({ random, snapshot: db.snapshot, wait: Infinity });
  const fail = (): Promise<void> => {
    db.last.fail(new Error("down"));
    return clock.advance(30_000);
  };
  const first = connect("a");
  for (let failures = 0; failures < 5; failures++) await fail();
  const sixth = connect("a");
  await fail();
  return [first, sixth];
}

function retryOf({ text }: Guest): string {
  return Number(/^.*retry: (\d+)$/ms.exec(text)?.[1]).toLocaleString("en");
}
