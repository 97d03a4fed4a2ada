import { describe, expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { createFakeServer } from "./support/fake-server.ts";
import { event, follow, optionsOf, URL_OF_JOB } from "./support/follow.ts";

const dataOf = (result: IteratorResult<{ readonly data: string }, undefined>): unknown => result.value?.data;

test("it connects at once, and reads no further than to the first event", async () => {
  const server = createFakeServer();
  const connection = connect(URL_OF_JOB, optionsOf(server, {}));
  await server.clock.flush();
  const exchange = server.last.open(":\n\n");
  await server.clock.flush();
  expect(connection.state).toEqual({ status: "open" });
  exchange.send(event("a"));
  await server.clock.flush();
  const { pulls } = exchange;
  exchange.send(event("b"));
  await server.clock.advance(10_000);
  expect(exchange.pulls).toBe(pulls);
  connection.close();
});

test("a reader that stops has nothing more sent, and is not taken for a dead connection", async () => {
  const server = createFakeServer();
  const connection = connect(URL_OF_JOB, optionsOf(server, {}));
  await server.clock.flush();
  const exchange = server.last.open(event("a") + event("b"));
  expect(dataOf(await connection.next())).toBe("a");
  const { pulls } = exchange;
  await server.clock.advance(3_600_000);
  expect(exchange.pulls).toBe(pulls);
  expect(connection.state).toEqual({ status: "open" });
  expect(dataOf(await connection.next())).toBe("b");
  exchange.send(event("c"));
  expect(dataOf(await connection.next())).toBe("c");
  expect(server.requests).toBe(1);
  connection.close();
});

test("several may wait, and are served in the order they came", async () => {
  const server = createFakeServer();
  const connection = connect(URL_OF_JOB, optionsOf(server, {}));
  await server.clock.flush();
  const results = Promise.all([connection.next(), connection.next(), connection.next()]);
  server.last.open(event("a") + event("b"));
  await server.clock.flush();
  server.last.send(event("c"));
  expect((await results).map(dataOf)).toEqual(["a", "b", "c"]);
  connection.close();
});

test("one byte order mark is stripped, in front of everything", async () => {
  const server = createFakeServer();
  const { messages } = await follow(server);
  server.last.open(`\u{feff}${event("\u{feff}a")}`).end();
  await server.clock.advance(1_000);
  server.last.open(`\u{feff}\u{feff}${event("no field")}${event("b")}`);
  await server.clock.flush();
  expect(messages.map(({ data }) => data)).toEqual(["\u{feff}a", "b"]);
});

describe("a line or an event that is too large", () => {
  const limit = { maxEventSize: 100 };

  test.each([
    ["a line without an end", ["data: ", ...Array<string>(200).fill("x")]],
    ["a line that is no field", [...Array<string>(200).fill("x")]],
    ["a comment", [":", ...Array<string>(200).fill("x")]],
    ["an id", ["id: ", ...Array<string>(200).fill("x")]],
    ["an event of many lines", Array.from({ length: 60 }, () => "data: x\n")],
    ["an event in one piece", [event("x".repeat(101))]],
    ["a name", [event("x", undefined, "n".repeat(101))]],
  ])("%s", async (_what, pieces) => {
    const server = createFakeServer();
    const followed = await follow(server, limit);
    server.last.open();
    for (const piece of pieces) server.last.send(piece);
    await server.clock.flush();
    expect(followed.ended).toMatchObject({ reason: "too-large", message: "Over 100 characters." });
    expect(server.last.isLeft).toBe(true);
  });

  test("is found, and what came before it is handed out", async () => {
    const server = createFakeServer();
    const followed = await follow(server, limit);
    server.last.open(event("a") + event("x".repeat(101)) + event("behind"));
    await server.clock.flush();
    expect(followed.messages.map(({ data }) => data)).toEqual(["a"]);
    expect(followed.ended).toMatchObject({ reason: "too-large" });
  });

  test("is none if it just fits", async () => {
    const server = createFakeServer();
    const followed = await follow(server, limit);
    server.last.open(event("x".repeat(93)) + event("y".repeat(93)) + `:${"z".repeat(98)}\n\n`);
    await server.clock.flush();
    expect(followed.messages).toHaveLength(2);
    expect(followed.ended).toBeUndefined();
  });
});
