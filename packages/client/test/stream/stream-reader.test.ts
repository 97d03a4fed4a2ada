import { describe, expect, test, vi } from "vitest";
import { connect, type PublicError, type StreamReset } from "../../src/index.ts";
import type { Attempt, AttemptOutcome } from "../../src/retry/attempt.ts";
import { createBlockReader } from "../../src/stream/block-reader.ts";
import { createStreamReader, type Delivery, type StreamReader } from "../../src/stream/stream-reader.ts";
import { createFakeServer } from "../support/fake-server.ts";
import { control, event, follow, OPEN, optionsOf, collect, URL_OF_JOB } from "../support/follow.ts";

/* The reader alone, then what a client does with each kind of block and response: PROTOCOL.md, section 13. */

const epoch = "k3v9x0q2ma";
const id = (seq: number | string): string => `${epoch}.${seq}`;

/** The events of a response. */
function deliveriesOf(
  reader: StreamReader,
  text: string,
  attempt = new AbortController(),
): readonly Delivery[] {
  const response = reader.open(attempt, "http://server.test/");
  createBlockReader(1_000, response)(new TextEncoder().encode(text));
  return response.take().deliveries;
}

describe("the reader", () => {
  interface Reading {
    readonly reader: StreamReader;
    readonly activity: () => number;
    readonly progress: () => number;
    /** Reads a response in one piece. Returns the attempt, and the events as `name data id`. */
    readonly respond: (text: string) => { readonly attempt: Attempt; readonly events: string[] };
  }

  function read({
    lastEventId = "",
    maxEventSize = 1_000,
    resilient = true,
    isFinite = false,
  } = {}): Reading {
    let activity = 0;
    let progress = 0;
    const reader = createStreamReader(
      { isFinite, lastEventId, maxEventSize, resilient },
      () => activity++,
      () => progress++,
    );
    const respond: Reading["respond"] = (text) => {
      const attempt: Attempt = new AbortController();
      const deliveries = deliveriesOf(reader, text, attempt);
      return { attempt, events: deliveries.map((one) => `${one.event} ${one.data} ${one.id}`) };
    };
    return { reader, activity: () => activity, progress: () => progress, respond };
  }

  const loss = { reason: "eof", message: "The response ended." } as const;

  test("keeps the cursor, `retry:` and heartbeat of the server across responses", () => {
    const { reader, respond } = read({ lastEventId: id(2) });
    expect([reader.cursor, reader.retry, reader.heartbeat]).toEqual([id(2), undefined, 15_000]);
    respond(`retry: 40\n\n${control("open", { ...OPEN, heartbeat: 2_000 }, id(2))}${event("a", id(3))}`);
    respond("data: b\n\n");
    expect([reader.cursor, reader.retry, reader.heartbeat]).toEqual([id(3), 40, 2_000]);
    respond(control("open", { ...OPEN, heartbeat: null }));
    expect(reader.heartbeat).toBe(Infinity);
  });

  test("reports activity for events and comments, not for other blocks", () => {
    const { activity, respond } = read();
    respond("retry: 40\nid: 7\n\n");
    expect(activity()).toBe(0);
    respond(": beat\n\ndata: a\n\n");
    expect(activity()).toBe(2);
  });

  test("reports progress for a higher number in its epoch and for a new epoch, not for other ids", () => {
    const { progress, respond } = read({ lastEventId: id(2) });
    respond(
      control("open", OPEN, id(2)) + event("a", id(1)) + event("b", id(2)) + event("c", "7") + event("d", ""),
    );
    expect(progress()).toBe(0);
    respond(event("e", id(3)));
    expect(progress()).toBe(1);
    respond(control("reset", { reason: "ahead", lost: null }, id(0)) + event("a", id(1)) + event("b", id(2)));
    expect(progress()).toBe(1);
    respond(event("a", "k3v9x0q2mb.1"));
    expect(progress()).toBe(2);
  });

  test("shows an interrupted stream as waiting, not as an error, until its next event", () => {
    const { reader } = read();
    const interrupted = control("error", { code: "INTERRUPTED", message: "Soon.", retryable: true });
    const text =
      event("a", id(1)) +
      interrupted +
      event("a", id(1)) +
      control("live", {}) +
      event("b", id(2)) +
      event("c", id(3));
    const deliveries = deliveriesOf(reader, text);
    expect(deliveries.map(({ isControl, data, status }) => [isControl || data, status])).toEqual([
      ["a", undefined],
      [true, "waiting"],
      [true, "live"],
      ["b", "live"],
      ["c", undefined],
    ]);
    expect(reader.conclude({ ...loss }).type).toBeUndefined();
  });

  test("takes a finite response without an id or a control event for the whole stream, if it was not cut", () => {
    const conclude = (text: string, outcome: AttemptOutcome = loss): unknown => {
      const { reader, respond } = read({ isFinite: true });
      respond(text);
      return reader.conclude(outcome);
    };
    expect(conclude(event("a"))).toMatchObject({ type: "done", reason: "done" });
    expect(conclude(event("a"), { reason: "network", message: "" })).toMatchObject({ reason: "network" });
    expect(conclude(event("a", "7"))).toBe(loss);
    expect(conclude(control("open", OPEN))).toBe(loss);
    expect(read().reader.conclude(loss)).toBe(loss);
  });

  test("returns control events with what they mean, and skips duplicates", () => {
    const reader = createStreamReader(
      { lastEventId: "", maxEventSize: 1_000, resilient: true, isFinite: false },
      () => {},
      () => {},
    );
    const text =
      control("open", { ...OPEN, state: "waiting" }) +
      control("open", OPEN, id(0)) +
      control("live", {}) +
      event("a", id(1)) +
      event("a", id(1)) +
      control("error", { code: "SNAPSHOT_FAILED", message: "Soon.", retryable: true });
    const deliveries = deliveriesOf(reader, text);
    const error = { code: "SNAPSHOT_FAILED", message: "Soon.", retryable: true };
    expect(deliveries).toMatchObject([
      { isControl: true, status: "waiting", id: "" },
      { isControl: true, status: "replaying", id: id(0) },
      { isControl: true, status: "live", id: id(0) },
      { isControl: false, data: "a", id: id(1) },
      { isControl: true, error, id: id(1) },
    ]);
  });

  test("ends the attempt at a drain, at the end, and at a block that is too large", () => {
    const { respond } = read();
    const drain = respond(control("drain", { reason: "busy" }) + event("ignored"));
    expect(drain.attempt.signal.reason).toEqual({ type: "drain", reason: "busy" });
    expect(drain.events).toHaveLength(1);
    expect(respond(control("end", { status: "expired" })).attempt.signal.reason).toEqual({
      type: "fatal",
      reason: "expired",
      message: "The stream ended: expired.",
      server: undefined,
    });
    expect(respond(event("x".repeat(1_001))).attempt.signal.reason).toEqual({
      reason: "too-large",
      message: "Over 1000 characters.",
    });
  });

  test("takes a loss after a terminal id for the end, and for a failure if `stream.error` came before it", () => {
    const { reader, respond } = read();
    expect(reader.conclude(loss)).toBe(loss);
    respond(`id: ${id("1.end")}\n\n`);
    expect(reader.conclude(loss)).toMatchObject({ type: "done", reason: "done" });
    respond(control("error", { code: "SOURCE_FAILED", message: "The stream failed.", retryable: false }));
    expect(reader.conclude(loss)).toMatchObject({
      type: "fatal",
      reason: "failed",
      message: "The stream failed.",
      server: { code: "SOURCE_FAILED" },
    });
    const drain = { type: "drain", reason: "busy" } as const;
    expect(reader.conclude(drain)).toBe(drain);
  });

  test("starts a response with a reset if the last one was cut within a snapshot prefix", () => {
    const { respond } = read();
    respond(control("open", OPEN) + event("part"));
    expect(respond(event("a")).events).toEqual([
      `stream.reset {"reason":"incomplete","lost":null} `,
      "message a ",
    ]);
    expect(respond(event("a")).events).toEqual(["message a "]);
  });

  test("neither understands control events nor compares ids if it is not resilient", () => {
    const { reader, respond } = read({ resilient: false });
    const { attempt, events } = respond(
      control("drain", {}) + event("a", id(2)) + event("b", id(1)) + `id: ${id("2.end")}\n\n`,
    );
    expect(attempt.signal.aborted).toBe(false);
    expect(events).toEqual(["stream.drain {} ", `message a ${id(2)}`, `message b ${id(1)}`]);
    expect(reader.conclude(loss)).toBe(loss);
  });
});

describe("the cursor", () => {
  test("is sent as a header with every request, also the first", async () => {
    const server = createFakeServer();
    await follow(server, { lastEventId: id(7) });
    expect(server.last.header("last-event-id")).toBe(id(7));
  });

  test("is not sent when there is none", async () => {
    const server = createFakeServer();
    await follow(server);
    expect(server.last.header("last-event-id")).toBeNull();
  });

  test("is kept across cuts, errors and responses without ids", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server, { lastEventId: id(7) });
    const failures = [
      () => server.last.cut(),
      () => server.last.respond(503),
      () => server.last.open().end(),
      () => server.last.open(control("open", OPEN)).end(),
      () => server.last.open(": still nothing\n\ndata: no id\n\n").end(),
    ];
    for (const fail of failures) {
      fail();
      await server.clock.advance(30_000);
      expect(server.last.header("last-event-id")).toBe(id(7));
    }
    expect(connection.lastEventId).toBe(id(7));
    expect(server.requests).toBe(failures.length + 1);
  });

  test("moves only at the blank line that ends a block", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(`${event("a", id(1))}id: ${id(2)}\ndata: cut`);
    await server.clock.flush();
    expect(connection.lastEventId).toBe(id(1));
    server.last.end();
    await server.clock.advance(1_000);
    expect(server.last.header("last-event-id")).toBe(id(1));
  });

  test("moves with a block that has only an id, also to a lower number", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(`${event("a", id(9))}id: ${id(3)}\n\n`);
    await server.clock.flush();
    expect(connection.lastEventId).toBe(id(3));
    server.last.end();
    await server.clock.advance(1_000);
    expect(server.last.header("last-event-id")).toBe(id(3));
  });

  test("is removed by an empty id", async () => {
    const server = createFakeServer();
    await follow(server);
    server.last.open(`${event("a", "1")}id\n\n`).end();
    await server.clock.advance(1_000);
    expect(server.last.header("last-event-id")).toBeNull();
  });

  test("is sent as UTF-8, with one character of the header for each byte", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(event("a", "žluť-€-🐎")).end();
    await server.clock.advance(1_000);
    const header = server.last.header("last-event-id") ?? "";
    expect(Buffer.from(header, "latin1").toString()).toBe("žluť-€-🐎");
    expect(connection.lastEventId).toBe("žluť-€-🐎");
  });

  test.each(["\t", "\u{1}", " ahead", "behind "])(
    "is sent in the query if a header cannot carry it: %j",
    async (cursor) => {
      const server = createFakeServer();
      await follow(server, { lastEventId: cursor });
      expect(server.last.header("last-event-id")).toBeNull();
      expect(new URL(server.last.url).searchParams.get("lastEventId")).toBe(cursor);
    },
  );

  test.each([
    ["/stream", "/stream?lastEventId=a%26b"],
    ["/stream?x=1%20+2&y", "/stream?lastEventId=a%26b&x=1%20+2&y"],
    ["/stream?lastEventId=stale#part", "/stream?lastEventId=a%26b&lastEventId=stale#part"],
  ])('is sent in the query with `resumeBy: "query"`: %s', async (path, expected) => {
    const server = createFakeServer();
    const url = `http://server.test${path}`;
    collect(connect(url, optionsOf(server, { lastEventId: "a&b", resumeBy: "query" })));
    await server.clock.flush();
    expect(server.last.url).toBe(`http://server.test${expected}`);
    expect(server.last.header("last-event-id")).toBeNull();
  });

  test("that a page reads is the id of the last message that it has taken", async () => {
    const server = createFakeServer();
    const connection = connect(URL_OF_JOB, optionsOf(server, {}));
    await server.clock.flush();
    server.last.open(event("a", "1") + event("b", "2") + event("c", "3"));
    await server.clock.flush();
    expect(connection.lastEventId).toBe("");
    for (const expected of ["1", "2", "3"]) {
      expect(await connection.next()).toMatchObject({ value: { id: expected } });
      expect(connection.lastEventId).toBe(expected);
    }
    connection.close();
  });
});

describe("an event that is received twice", () => {
  test("in one epoch is delivered once, by comparing numbers", async () => {
    const server = createFakeServer();
    const { connection, messages } = await follow(server);
    server.last.open([9, 10, 9, 10, 11, 2].map((seq) => event(String(seq), id(seq))).join(""));
    await server.clock.flush();
    expect(messages.map(({ data }) => data)).toEqual(["9", "10", "11"]);
    expect(connection.lastEventId).toBe(id(11));
  });

  test("with an id of another epoch or another form is delivered twice", async () => {
    const server = createFakeServer();
    const { messages } = await follow(server);
    const ids = [id(2), "aaaaaaaaaa.1", "5", "4", "4", `${epoch}.x`, ""];
    server.last.open(ids.map((one) => event(one, one)).join(""));
    await server.clock.flush();
    expect(messages).toHaveLength(ids.length);
  });

  test("is delivered once, also if the second time is another response", async () => {
    const server = createFakeServer();
    const { messages } = await follow(server);
    server.last.open(event("1", id(1)) + event("2", id(2))).end();
    await server.clock.advance(1_000);
    server.last.open(event("2", id(2)) + event("3", id(3)));
    await server.clock.flush();
    expect(messages.map(({ data }) => data)).toEqual(["1", "2", "3"]);
  });
});

describe("stream.open", () => {
  test("sets the state, and is not delivered", async () => {
    const server = createFakeServer();
    const { connection, messages } = await follow(server);
    server.last.open();
    await server.clock.flush();
    expect(connection.state).toEqual({ status: "open" });
    server.last.send(control("open", { ...OPEN, state: "waiting", first: null, last: null }));
    await server.clock.flush();
    expect(connection.state).toEqual({ status: "waiting" });
    server.last.send(control("open", OPEN, id(0)));
    await server.clock.flush();
    expect(connection.state).toEqual({ status: "replaying" });
    expect(connection.lastEventId).toBe(id(0));
    server.last.send(control("live", {}));
    await server.clock.flush();
    expect(connection.state).toEqual({ status: "live" });
    expect(messages).toEqual([]);
  });

  test("with invalid data is still treated as one", async () => {
    const server = createFakeServer();
    const { connection, messages } = await follow(server);
    server.last.open(event("not JSON", undefined, "stream.open"));
    await server.clock.flush();
    expect(connection.state).toEqual({ status: "replaying" });
    expect(messages).toEqual([]);
  });
});

describe("stream.reset", () => {
  test("moves the cursor, also to a lower number, and is reported before the events after it", async () => {
    const server = createFakeServer();
    const received: unknown[] = [];
    const connection = connect(
      URL_OF_JOB,
      optionsOf(server, { lastEventId: id(9), onReset: (reset: StreamReset) => received.push(reset) }),
    );
    await server.clock.flush();
    server.last.open(
      event("10", id(10)) +
        control("reset", { reason: "ahead", lost: null }, id(0)) +
        event("1", id(1)) +
        control("reset", { reason: "trimmed", lost: [2, 4] }, id(4)) +
        event("5", id(5)),
    );
    for (let count = 0; count < 3; count++) received.push((await connection.next()).value?.data);
    expect(received).toEqual([
      "10",
      { reason: "ahead", lost: null },
      "1",
      { reason: "trimmed", lost: [2, 4] },
      "5",
    ]);
    expect(connection.lastEventId).toBe(id(5));
    connection.close();
  });

  test("without an id removes the cursor", async () => {
    const server = createFakeServer();
    await follow(server, { lastEventId: id(9) });
    server.last.open(control("open", OPEN) + control("reset", { reason: "epoch", lost: null })).end();
    await server.clock.advance(1_000);
    expect(server.last.header("last-event-id")).toBeNull();
  });
});

describe("a running snapshot", () => {
  test("that is cut before its id is received again from the first event, which is reported", async () => {
    const server = createFakeServer();
    const resets: StreamReset[] = [];
    const { messages } = await follow(server, { onReset: (reset) => resets.push(reset) });
    const running = control("open", { ...OPEN, first: 3, last: 4 }) + event("A tale", undefined, "title");
    server.last.open(running).end();
    await server.clock.advance(1_000);
    expect(server.last.header("last-event-id")).toBeNull();
    expect(resets).toEqual([]);
    server.last.open(running + event("Once upon a", id(3)) + event("time", id(4)));
    await server.clock.flush();
    expect(resets).toEqual([{ reason: "incomplete", lost: null }]);
    expect(messages.map(({ data }) => data)).toEqual(["A tale", "A tale", "Once upon a", "time"]);
    server.last.end();
    await server.clock.advance(1_000);
    expect(server.last.header("last-event-id")).toBe(id(4));
    server.last.open(control("open", OPEN, id(4)) + event("there", id(5)));
    await server.clock.flush();
    expect(resets).toHaveLength(1);
  });

  test("is not assumed after a `stream.open` with an id, even if events have none", async () => {
    const server = createFakeServer();
    const resets: StreamReset[] = [];
    await follow(server, { onReset: (reset) => resets.push(reset) });
    server.last.open(control("open", OPEN, id(0)) + event("no id")).end();
    await server.clock.advance(1_000);
    server.last.open(event("other servers"));
    await server.clock.flush();
    expect(resets).toEqual([]);
  });
});

describe("stream.end", () => {
  test("`done` ends the iteration, without another request", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    const exchange = server.last.open(event("a", id(1)) + control("end", { status: "done" }, id("2.end")));
    await server.clock.advance(60_000);
    expect(followed.ended).toBe(true);
    expect(followed.messages).toHaveLength(1);
    expect(followed.connection.state).toEqual({ status: "closed", reason: "done" });
    expect(followed.connection.lastEventId).toBe(id("2.end"));
    expect(server.requests).toBe(1);
    expect(exchange.isOver).toBe(true);
  });

  test.each(["failed", "cancelled", "expired", "lost"])(
    "`%s` is thrown after every event was delivered",
    async (status) => {
      const server = createFakeServer();
      const followed = await follow(server);
      server.last.open(event("a", id(1)) + control("end", { status }, id("2.end")));
      await server.clock.advance(60_000);
      expect(followed.messages).toHaveLength(1);
      expect(followed.ended).toMatchObject({ name: "ConnectionError", reason: status });
      expect(server.requests).toBe(1);
    },
  );

  test("`failed` has the last `stream.error` of the server", async () => {
    const server = createFakeServer();
    const errors: PublicError[] = [];
    const followed = await follow(server, { onServerError: (error) => errors.push(error) });
    const error = { code: "SOURCE_FAILED", message: "The model is gone.", retryable: false };
    server.last.open(control("error", error) + control("end", { status: "failed" }, id("1.end")));
    await server.clock.flush();
    expect(errors).toEqual([error]);
    expect(followed.ended).toMatchObject({ message: "The model is gone.", server: error });
  });

  test("with an unknown status is a failure", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    server.last.open(control("end", {}));
    await server.clock.flush();
    expect(followed.ended).toMatchObject({ reason: "failed" });
  });

  test("makes the client ignore what follows it", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    server.last.open(control("end", { status: "done" }) + event("too late", id(9)));
    await server.clock.flush();
    expect(followed.messages).toEqual([]);
  });

  test("is also the terminal id of a bare source", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    server.last.open(`${event("a")}id: ${id("0.end")}\n\n`).end();
    await server.clock.advance(60_000);
    expect(followed.ended).toBe(true);
    expect(server.requests).toBe(1);
  });

  test("of a bare source is a failure if `stream.error` precedes the terminal id", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    const error = { code: "SOURCE_FAILED", message: "The stream failed.", retryable: false };
    server.last.open(`${event("a")}${control("error", error)}id: ${id("0.end")}\n\n`).end();
    await server.clock.advance(60_000);
    expect(followed.ended).toMatchObject({ reason: "failed", server: error });
  });
});

describe("stream.drain", () => {
  test("makes the client reconnect after `retry:`, with its cursor, without a failure", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server, { random: () => 0 });
    server.last.open(`${event("a", id(1))}event: stream.drain\nretry: 4000\ndata: {"reason":"shutdown"}\n\n`);
    await server.clock.flush();
    expect(connection.state).toEqual({
      status: "retrying",
      attempt: 1,
      delay: 4_000,
      isAsked: true,
      reason: "shutdown",
      message: "",
    });
    await server.clock.advance(4_000);
    expect(server.last.header("last-event-id")).toBe(id(1));
  });
});

describe("stream.error", () => {
  test("is reported, and the connection stays open", async () => {
    const server = createFakeServer();
    const errors: PublicError[] = [];
    const { connection, messages } = await follow(server, { onServerError: (error) => errors.push(error) });
    const error = { code: "SNAPSHOT_FAILED", message: "Soon.", retryable: true, retryAfter: 500 };
    server.last.open(control("live", {}) + control("error", error) + event("a"));
    await server.clock.flush();
    expect(errors).toEqual([error]);
    expect(messages).toHaveLength(1);
    expect(connection.state).toEqual({ status: "live" });
    expect(server.requests).toBe(1);
  });

  test("is not an event named `error`, which is delivered", async () => {
    const server = createFakeServer();
    const errors: PublicError[] = [];
    const { messages } = await follow(server, { onServerError: (error) => errors.push(error) });
    server.last.open(event("mine", undefined, "error"));
    await server.clock.flush();
    expect(messages).toEqual([{ id: "", event: "error", data: "mine" }]);
    expect(errors).toEqual([]);
  });
});

describe("an unknown `stream.` event", () => {
  test("is not delivered after `stream.open`", async () => {
    const server = createFakeServer();
    const { messages } = await follow(server);
    server.last.open(control("open", OPEN, id(0)) + control("news", {}));
    await server.clock.flush();
    expect(messages).toEqual([]);
  });

  test("is delivered from a server that has sent no `stream.open`", async () => {
    const server = createFakeServer();
    const { messages } = await follow(server);
    server.last.open(control("news", {}));
    await server.clock.flush();
    expect(messages).toEqual([{ id: "", event: "stream.news", data: "{}" }]);
  });
});

test("an error of a callback is reported, and does not affect the connection", async () => {
  const server = createFakeServer();
  const reported: unknown[] = [];
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
  const fail = (): never => {
    throw new Error("A bug in the application.");
  };
  const { connection, messages } = await follow(server, { onReset: fail, onServerError: fail });
  connection.subscribe(fail);
  server.last.open(control("reset", {}, id(0)) + control("error", {}) + control("live", {}) + event("a"));
  await server.clock.flush();
  expect(messages).toHaveLength(1);
  connection.close();
  // Two callbacks, and the states `open`, `live` and `closed`.
  expect(reported).toHaveLength(5);
});
