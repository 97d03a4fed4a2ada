import { describe, expect, test } from "vitest";
import { connect, type PublicError, type StreamReset } from "../src/index.ts";
import { createFakeServer } from "./support/fake-server.ts";
import { control, event, follow, OPEN, optionsOf, take, URL_OF_JOB } from "./support/follow.ts";

const epoch = "k3v9x0q2ma";
const id = (seq: number | string): string => `${epoch}.${seq}`;

describe("the cursor", () => {
  test("is sent as a header, from the first request on", async () => {
    const server = createFakeServer();
    await follow(server, { lastEventId: id(7) });
    expect(server.last.header("last-event-id")).toBe(id(7));
  });

  test("is not sent if there is none", async () => {
    const server = createFakeServer();
    await follow(server);
    expect(server.last.header("last-event-id")).toBeNull();
  });

  test("is kept across everything", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server, { lastEventId: id(7) });
    const losses = [
      () => server.last.cut(),
      () => server.last.answer(503),
      () => server.last.open().end(),
      () => server.last.open(control("open", OPEN)).end(),
      () => server.last.open(": still nothing\n\ndata: no id\n\n").end(),
    ];
    for (const lose of losses) {
      lose();
      await server.clock.advance(30_000);
      expect(server.last.header("last-event-id")).toBe(id(7));
    }
    expect(connection.lastEventId).toBe(id(7));
    expect(server.requests).toBe(losses.length + 1);
  });

  test("moves only at the blank line", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(`${event("a", id(1))}id: ${id(2)}\ndata: cut`);
    await server.clock.flush();
    expect(connection.lastEventId).toBe(id(1));
    server.last.end();
    await server.clock.advance(1_000);
    expect(server.last.header("last-event-id")).toBe(id(1));
  });

  test("moves with a block that has only an id, down too", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(`${event("a", id(9))}id: ${id(3)}\n\n`);
    await server.clock.flush();
    expect(connection.lastEventId).toBe(id(3));
    server.last.end();
    await server.clock.advance(1_000);
    expect(server.last.header("last-event-id")).toBe(id(3));
  });

  test("is forgotten with an empty id", async () => {
    const server = createFakeServer();
    await follow(server);
    server.last.open(`${event("a", "1")}id\n\n`).end();
    await server.clock.advance(1_000);
    expect(server.last.header("last-event-id")).toBeNull();
  });

  test("is UTF-8 in a header, one character for each byte", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(event("a", "žluť-€-🐎")).end();
    await server.clock.advance(1_000);
    const header = server.last.header("last-event-id") ?? "";
    expect(Buffer.from(header, "latin1").toString()).toBe("žluť-€-🐎");
    expect(connection.lastEventId).toBe("žluť-€-🐎");
  });

  test.each(["\t", "\u{1}", " ahead", "behind "])(
    "that no header carries goes by the query: %j",
    async (odd) => {
      const server = createFakeServer();
      await follow(server, { lastEventId: odd });
      expect(server.last.header("last-event-id")).toBeNull();
      expect(new URL(server.last.url).searchParams.get("lastEventId")).toBe(odd);
    },
  );

  test.each([
    ["/stream", "/stream?lastEventId=a%26b"],
    ["/stream?x=1%20+2&y", "/stream?lastEventId=a%26b&x=1%20+2&y"],
    ["/stream?lastEventId=stale#part", "/stream?lastEventId=a%26b&lastEventId=stale#part"],
  ])("goes by the query if it is told so: %s", async (path, expected) => {
    const server = createFakeServer();
    const url = `http://server.test${path}`;
    take(connect(url, optionsOf(server, { lastEventId: "a&b", resumeBy: "query" })));
    await server.clock.flush();
    expect(server.last.url).toBe(`http://server.test${expected}`);
    expect(server.last.header("last-event-id")).toBeNull();
  });

  test("is that of what was taken, for a page that keeps it", async () => {
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

describe("what comes twice is handed out once", () => {
  test("within one life of a stream, by number", async () => {
    const server = createFakeServer();
    const { connection, messages } = await follow(server);
    server.last.open([9, 10, 9, 10, 11, 2].map((seq) => event(String(seq), id(seq))).join(""));
    await server.clock.flush();
    expect(messages.map(({ data }) => data)).toEqual(["9", "10", "11"]);
    expect(connection.lastEventId).toBe(id(11));
  });

  test("and not across lives, nor by ids of other forms", async () => {
    const server = createFakeServer();
    const { messages } = await follow(server);
    const ids = [id(2), "aaaaaaaaaa.1", "5", "4", "4", `${epoch}.x`, ""];
    server.last.open(ids.map((one) => event(one, one)).join(""));
    await server.clock.flush();
    expect(messages).toHaveLength(ids.length);
  });

  test("also when it comes with another connection", async () => {
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
  test("makes the state, and is no message", async () => {
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

  test("that cannot be read is one all the same", async () => {
    const server = createFakeServer();
    const { connection, messages } = await follow(server);
    server.last.open(event("not JSON", undefined, "stream.open"));
    await server.clock.flush();
    expect(connection.state).toEqual({ status: "replaying" });
    expect(messages).toEqual([]);
  });
});

describe("stream.reset", () => {
  test("moves the cursor, down too, and is told before what comes behind it", async () => {
    const server = createFakeServer();
    const story: unknown[] = [];
    const connection = connect(
      URL_OF_JOB,
      optionsOf(server, { lastEventId: id(9), onReset: (reset: StreamReset) => story.push(reset) }),
    );
    await server.clock.flush();
    server.last.open(
      event("10", id(10)) +
        control("reset", { reason: "ahead", lost: null }, id(0)) +
        event("1", id(1)) +
        control("reset", { reason: "trimmed", lost: [2, 4] }, id(4)) +
        event("5", id(5)),
    );
    for (let count = 0; count < 3; count++) story.push((await connection.next()).value?.data);
    expect(story).toEqual([
      "10",
      { reason: "ahead", lost: null },
      "1",
      { reason: "trimmed", lost: [2, 4] },
      "5",
    ]);
    expect(connection.lastEventId).toBe(id(5));
    connection.close();
  });

  test("without an id forgets the cursor", async () => {
    const server = createFakeServer();
    await follow(server, { lastEventId: id(9) });
    server.last.open(control("open", OPEN) + control("reset", { reason: "epoch", lost: null })).end();
    await server.clock.advance(1_000);
    expect(server.last.header("last-event-id")).toBeNull();
  });
});

describe("a running answer", () => {
  test("that is cut before its id begins anew, and that is told", async () => {
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

  test("events without an id behind an id are not loose", async () => {
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
  test("done ends the iteration, and there is no more request", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    const exchange = server.last.open(event("a", id(1)) + control("end", { status: "done" }, id("2.end")));
    await server.clock.advance(60_000);
    expect(followed.ended).toBe(true);
    expect(followed.messages).toHaveLength(1);
    expect(followed.connection.state).toEqual({ status: "closed", reason: "done" });
    expect(followed.connection.lastEventId).toBe(id("2.end"));
    expect(server.requests).toBe(1);
    expect(exchange.isLeft).toBe(true);
  });

  test.each(["failed", "cancelled", "expired", "lost"])(
    "%s is thrown, behind everything that came",
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

  test("failed tells what the server said of it", async () => {
    const server = createFakeServer();
    const errors: PublicError[] = [];
    const followed = await follow(server, { onServerError: (error) => errors.push(error) });
    const error = { code: "SOURCE_FAILED", message: "The model is gone.", retryable: false };
    server.last.open(control("error", error) + control("end", { status: "failed" }, id("1.end")));
    await server.clock.flush();
    expect(errors).toEqual([error]);
    expect(followed.ended).toMatchObject({ message: "The model is gone.", server: error });
  });

  test("of a kind that is not known is no success", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    server.last.open(control("end", {}));
    await server.clock.flush();
    expect(followed.ended).toMatchObject({ reason: "failed" });
  });

  test("what stands behind it has not come", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    server.last.open(control("end", { status: "done" }) + event("too late", id(9)));
    await server.clock.flush();
    expect(followed.messages).toEqual([]);
  });

  test("a bare source's last id is one, too", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    server.last.open(`${event("a")}id: ${id("0.end")}\n\n`).end();
    await server.clock.advance(60_000);
    expect(followed.ended).toBe(true);
    expect(server.requests).toBe(1);
  });

  test("a bare source that failed says so before its last id", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    const error = { code: "SOURCE_FAILED", message: "The stream failed.", retryable: false };
    server.last.open(`${event("a")}${control("error", error)}id: ${id("0.end")}\n\n`).end();
    await server.clock.advance(60_000);
    expect(followed.ended).toMatchObject({ reason: "failed", server: error });
  });
});

describe("stream.drain", () => {
  test("comes back after its retry, with its cursor, and is no failure", async () => {
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
  test("is told, and the connection goes on", async () => {
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

  test("an event named `error` is a message", async () => {
    const server = createFakeServer();
    const errors: PublicError[] = [];
    const { messages } = await follow(server, { onServerError: (error) => errors.push(error) });
    server.last.open(event("mine", undefined, "error"));
    await server.clock.flush();
    expect(messages).toEqual([{ id: "", event: "error", data: "mine" }]);
    expect(errors).toEqual([]);
  });
});

describe("an event of our protocol that is not known", () => {
  test("is no message", async () => {
    const server = createFakeServer();
    const { messages } = await follow(server);
    server.last.open(control("open", OPEN, id(0)) + control("news", {}));
    await server.clock.flush();
    expect(messages).toEqual([]);
  });

  test("is one if the server has not said that it speaks it", async () => {
    const server = createFakeServer();
    const { messages } = await follow(server);
    server.last.open(control("news", {}));
    await server.clock.flush();
    expect(messages).toEqual([{ id: "", event: "stream.news", data: "{}" }]);
  });
});

test("what a callback throws is reported, and disturbs nobody", async () => {
  const server = createFakeServer();
  const reported: unknown[] = [];
  Object.assign(globalThis, { reportError: (error: unknown) => reported.push(error) });
  const fail = (): never => {
    throw new Error("a bug");
  };
  const { connection, messages } = await follow(server, { onReset: fail, onServerError: fail });
  connection.subscribe(fail);
  server.last.open(control("reset", {}, id(0)) + control("error", {}) + control("live", {}) + event("a"));
  await server.clock.flush();
  expect(messages).toHaveLength(1);
  connection.close();
  // The states are `open`, `live` and `closed`.
  expect(reported).toHaveLength(5);
  Object.assign(globalThis, { reportError: undefined });
});
