// Covers the options `key`, `maxConnectionsPerKey` and `onClose`, and `connections` and `disconnect` of a registry.

import { describe, expect, test, vi } from "vitest";
import type { CloseInfo } from "../../src/connection/serve-options.ts";
import { createCluster } from "../support/cluster.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe("`maxConnectionsPerKey`", () => {
  test("answers a client over it as one over `maxConnections`, and lets others in", async () => {
    const { registry, connect, clock } = createTestRegistry({ maxConnectionsPerKey: 2 });
    await registry.open("a");
    const anna = [1, 2, 3].map(() => connect("a", { serve: { key: "anna" } }));
    const refused = connect("a", { serve: { key: "anna", overload: "refuse" } });
    const bare = connect(async function* () {}, { serve: { key: "anna", registry } } as never);
    const ben = connect("a", { serve: { key: "ben" } });
    await clock.flush();
    expect(anna.map(({ state }) => state)).toEqual(["open", "open", "flushed"]);
    expect(anna[2]?.blocks).toEqual([["stream.drain", undefined, { reason: "busy" }]]);
    expect([refused.status, bare.text.includes('"busy"'), ben.state]).toEqual([503, true, "open"]);
    anna[0]?.leave();
    expect(connect("a", { serve: { key: "anna" } }).state).toBe("open");
  });

  test("is checked, and so are keys", async () => {
    const { registry, connect } = createTestRegistry();
    expect(() => createTestRegistry({ maxConnectionsPerKey: 0 })).toThrow(code("INVALID_OPTION"));
    for (const key of ["", "a\nb", "x".repeat(251), 7 as never]) {
      await expect(connect("a", { serve: { key } }).over).rejects.toEqual(code("INVALID_OPTION"));
      await expect(registry.disconnect(key)).rejects.toEqual(code("INVALID_OPTION"));
    }
    const onClose = "later" as never;
    await expect(connect("a", { serve: { onClose } }).over).rejects.toEqual(code("INVALID_OPTION"));
  });
});

describe("`connections`", () => {
  test("lists the open connections, of streams, channels and bare sources", async () => {
    const { registry, connect, clock } = createTestRegistry();
    const job = await registry.open("a");
    job.push({ data: 1 });
    connect("a", { serve: { key: "anna" } });
    connect(registry.channel("room"), { serve: { key: "anna" } });
    connect("a");
    connect(({ push }) => push({ data: 1 }), { serve: { key: "ben", registry } });
    const reading = registry.subscribe("a").next();
    await clock.flush();
    await reading;
    const events = expect.any(Number) as number;
    const named = { since: expect.any(Number) as number, bytes: expect.any(Number) as number };
    expect(registry.connections()).toEqual([
      { id: "a", key: "anna", events: 1, ...named },
      { id: "room", key: "anna", events: 0, ...named },
      { id: "a", key: undefined, events: 1, ...named },
      { id: undefined, key: "ben", events, ...named },
    ]);
    expect(registry.connections("anna").map(({ id }) => id)).toEqual(["a", "room"]);
    expect(registry.connections("carl")).toEqual([]);
  });
});

describe("`disconnect`", () => {
  test("drains the connections of a key as aborted, and tells why", async () => {
    const onClose = vi.fn<(info: CloseInfo) => void>();
    const { registry, connect, clock, observed } = createTestRegistry();
    await registry.open("a");
    const anna = [1, 2].map(() => connect("a", { serve: { key: "anna", onClose } }));
    const bare = connect(() => undefined, { serve: { key: "anna", registry } });
    const ben = connect("a", { serve: { key: "ben" } });
    await clock.flush();
    await registry.disconnect("anna", "logged out");
    for (const client of [...anna, bare]) {
      expect(client.blocks.at(-1)).toEqual(["stream.drain", undefined, { reason: "aborted" }]);
      expect(client.state).toBe("flushed");
    }
    expect(ben.state).toBe("open");
    await clock.flush();
    const closed = { id: "a", key: "anna", reason: "aborted", cause: "logged out" };
    expect(observed.connectionClosed).toEqual([
      expect.objectContaining(closed),
      expect.objectContaining(closed),
      expect.objectContaining({ ...closed, id: undefined }),
    ]);
    expect(onClose.mock.calls).toEqual([
      [expect.objectContaining({ ...closed, status: 200, events: 0, bytes: expect.any(Number) })],
      [expect.objectContaining({ ...closed, status: 200 })],
    ]);
  });

  test("reaches all processes of a store, through its hints", async () => {
    const { processes, clock, close } = createCluster();
    await processes[0].registry.open("a");
    const clients = processes.map(({ connect }) => connect("a", { serve: { key: "anna" } }));
    const others = processes.map(({ connect }) => connect("a", { serve: { key: "ben" } }));
    await clock.flush();
    await processes[2].registry.disconnect("anna");
    await clock.flush();
    for (const { blocks } of clients) {
      expect(blocks.at(-1)).toEqual(["stream.drain", undefined, { reason: "aborted" }]);
    }
    expect(others.map(({ state }) => state)).toEqual(["open", "open", "open"]);
    processes[1].link.callFates = ["rejected"];
    await expect(processes[1].registry.disconnect("ben")).rejects.toEqual(code("STORE_UNAVAILABLE"));
    expect(others.map(({ state }) => state)).toEqual(["open", "flushed", "open"]);
    processes[1].link.callFates = ["ok"];
    await close();
    expect(clock.timers).toBe(0);
  });
});

describe("`onClose`", () => {
  test.each([
    ["a stream", "a", {}, { status: 200, reason: "disconnected", events: 1 }],
    ["a bare source", () => undefined, {}, { status: 200, reason: "disconnected", events: 0 }],
    ["a terminal id", "a", { cursor: "aaaaaaaaaa.3.end" }, { status: 204, reason: undefined, bytes: 0 }],
    ["HEAD", "a", { method: "HEAD" }, { status: 200, reason: undefined, duration: 0 }],
  ] as const)("is called once, when the response is over: %s", async (_what, source, request, expected) => {
    const onClose = vi.fn<(info: CloseInfo) => void>();
    const { registry, connect, clock } = createTestRegistry();
    (await registry.open("a")).push({ data: 1 });
    const client = connect(source, { ...request, serve: { key: "anna", onClose } });
    await clock.flush();
    client.leave();
    await client.over;
    expect(onClose.mock.calls).toEqual([[expect.objectContaining({ key: "anna", ...expected })]]);
  });

  test.each([
    [
      "throws",
      (error: Error): void => {
        throw error;
      },
    ],
    ["rejects", (error: Error) => Promise.reject(error) as never],
  ])("that %s costs nothing, and the observer gets the error", async (_how, fail) => {
    const error = new Error("x");
    const { registry, connect, clock, observed } = createTestRegistry();
    await registry.open("a");
    const client = connect("a", { serve: { key: "anna", onClose: () => fail(error) } });
    await clock.flush();
    client.leave();
    await client.over;
    await clock.flush();
    expect(observed.failed).toEqual([{ id: "a", key: "anna", stage: "cleanup", error }]);
  });
});

test("the observer gets the key with every call about a connection", async () => {
  const { registry, connect, clock, observed } = createTestRegistry({ buffer: { events: 1 } });
  const job = await registry.open("a");
  job.push({ data: 1 });
  job.push({ data: 2 });
  const client = connect("a", { serve: { key: "anna" } });
  await clock.advance(15_000);
  client.leave();
  const { connectionOpened, connectionClosed, delivered, heartbeat, replayed, reset } = observed;
  for (const calls of [connectionOpened, connectionClosed, delivered, heartbeat, replayed, reset]) {
    expect(calls[0]).toMatchObject({ id: "a", key: "anna" });
  }
});
