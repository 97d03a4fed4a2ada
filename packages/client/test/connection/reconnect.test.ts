import { describe, expect, test } from "vitest";
import { createFakeServer } from "../support/fake-server.ts";
import { control, event, follow, OPEN } from "../support/follow.ts";

describe("reconnect()", () => {
  test("skips the delay", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.respond(503, { "retry-after": "60" });
    await server.clock.flush();
    connection.reconnect();
    await server.clock.flush();
    expect(server.requests).toBe(2);
  });

  test("replaces an open connection", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    const [first] = [server.last.open(event("a", "1"))];
    await server.clock.flush();
    connection.reconnect();
    await server.clock.advance(0);
    expect(first.isOver).toBe(true);
    expect(server.last.header("last-event-id")).toBe("1");
  });

  test("may be called by a listener that is told of the failure", async () => {
    const server = createFakeServer();
    const followed = await follow(server);
    const off = followed.connection.subscribe(({ status }) => {
      if (status !== "closed") return;
      off();
      followed.connection.reconnect();
    });
    server.last.respond(404);
    await server.clock.flush();
    expect(followed.ended).toMatchObject({ reason: "refused" });
    followed.resume();
    server.last.open(event("a"));
    await server.clock.flush();
    expect(followed.messages).toHaveLength(1);
  });

  test("does nothing after the end of the stream", async () => {
    const server = createFakeServer();
    const { connection } = await follow(server);
    server.last.open(control("open", OPEN) + control("end", { status: "done" }));
    await server.clock.flush();
    connection.reconnect();
    await server.clock.advance(1_000);
    expect(server.requests).toBe(1);
    expect(connection.state).toMatchObject({ status: "closed", reason: "done" });
  });

  test("does nothing after close(), even if the connection had failed before", async () => {
    const server = createFakeServer();
    const { connection, states } = await follow(server);
    server.last.respond(404);
    await server.clock.flush();
    connection.close();
    connection.reconnect();
    await server.clock.advance(1_000);
    expect(server.requests).toBe(1);
    expect(states.map(({ status }) => status)).toEqual(["closed"]);
    expect(await connection.next()).toEqual({ done: true, value: undefined });
  });
});
