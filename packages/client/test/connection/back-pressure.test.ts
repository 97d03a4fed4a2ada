import { expect, test } from "vitest";
import { connect } from "../../src/index.ts";
import { createFakeServer } from "../support/fake-server.ts";
import { event, optionsOf, URL_OF_JOB } from "../support/follow.ts";

const dataOf = (result: IteratorResult<{ readonly data: string }, undefined>): unknown => result.value?.data;

test("the client connects at once, and reads until the first event", async () => {
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

test("while the application does not pull, nothing is read, and the connection is not considered dead", async () => {
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

test("several calls of next() are served in their order", async () => {
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
