// Covers how failures are contained by src/stream/stream.ts, src/connection/connection.ts and src/protocol/observer.ts.

import { afterEach, describe, expect, test, vi } from "vitest";
import { serve } from "../../src/connection/serve.ts";
import type { Sink } from "../../src/connection/sink.ts";
import { toResponse } from "../../src/connection/to-response.ts";
import { createMemoryClient } from "../../src/testing/index.ts";
import { createTestRegistry } from "../support/test-registry.ts";

afterEach(() => vi.restoreAllMocks());

describe("readers and producers are isolated from each other", () => {
  test("a sink that throws during a broadcast ends only its own connection", async () => {
    const { registry, clock, connect, observed } = createTestRegistry();
    const channel = registry.channel("lobby");
    const before = connect(channel);
    const { request } = createMemoryClient();
    const broken: Sink = {
      write() {
        throw new Error("broken pipe");
      },
      close: () => undefined,
      cut: () => undefined,
      destroy: () => undefined,
    };
    const done = serve(request, () => broken, channel);
    const after = connect(channel);
    channel.push({ data: 1 });
    await clock.flush();
    await done;
    expect([before.events, after.events]).toEqual([[1], [1]]);
    expect(observed.failed).toEqual([{ id: "lobby", stage: "delivery", error: new Error("broken pipe") }]);
    expect(registry.gauges().connections).toBe(2);
  });

  test("a client that leaves during a broadcast does not affect the other readers", async () => {
    const { registry, clock, connect } = createTestRegistry();
    const channel = registry.channel("lobby");
    const clients = Array.from({ length: 5 }, () => connect(channel));
    const leaving = clients[2];
    const { request, open } = createMemoryClient();
    void serve(
      request,
      (status, headers, events) => {
        const sink = open(status, headers, events);
        return { ...sink, write: (bytes) => (leaving?.leave(), sink.write(bytes)) };
      },
      channel,
    );
    channel.push({ data: 1 });
    await clock.flush();
    expect(clients.filter((client) => client !== leaving).map(({ events }) => events)).toEqual([
      [1],
      [1],
      [1],
      [1],
    ]);
  });

  test("an observer that throws affects nothing", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const fail = (): never => {
      throw new Error("observer");
    };
    const observer = {
      connectionOpened: fail,
      connectionClosed: fail,
      streamOpened: fail,
      streamEnded: fail,
      replayed: fail,
      reset: fail,
      warned: fail,
      failed: fail,
    };
    const { registry, clock, connect } = createTestRegistry({ observer, buffer: { events: 1 } });
    const job = await registry.open("a");
    job.push({ data: 1 });
    job.push({ data: 2 });
    const client = connect("a");
    await job.fail(new Error("over"));
    await clock.flush();
    expect(client.events).toEqual([2]);
    expect(client.state).toBe("flushed");
  });

  test("a connection that ends inside `connectionOpened` is also reported as closed", async () => {
    const client = createMemoryClient();
    const closed: string[] = [];
    const { registry } = createTestRegistry({
      observer: {
        connectionOpened: () => client.leave(),
        connectionClosed: ({ reason }) => void closed.push(reason),
      },
    });
    await serve(client.request, client.open, await registry.open("a"));
    expect(closed).toEqual(["disconnected"]);
  });

  test("a frame that is sent to two web clients arrives intact at both", async () => {
    const { registry } = createTestRegistry();
    const job = await registry.open("a");
    job.push({ data: "shared" });
    await job.end();
    const request = (): Request => new Request("http://localhost/a");
    const first = await toResponse(request(), registry.stream("a"));
    const second = await toResponse(request(), registry.stream("a"));
    expect(await first.text()).toContain("data: shared\n");
    expect(await second.text()).toContain("data: shared\n");
  });
});
