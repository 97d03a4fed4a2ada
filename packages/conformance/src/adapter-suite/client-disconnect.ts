import assert from "node:assert/strict";
import type { Route, TestServerOptions } from "../subject/route.ts";
import type { Client } from "../wire/client.ts";
import { allDisconnects, disconnects, NO_HEARTBEAT } from "../harness/disconnects.ts";
import type { RemoteServer } from "../harness/remote-server.ts";
import type { Suite } from "../harness/suite.ts";

/** What a client is doing when it disconnects. */
interface Situation {
  readonly name: string;
  readonly options?: TestServerOptions;
  readonly connect: (server: RemoteServer) => Promise<Client>;
}

const situations: Situation[] = [
  {
    name: "on an idle stream",
    connect: (server) => connectUntil(server, { stream: "job" }, "event: stream.live"),
  },
  {
    name: "while the client waits for its stream",
    connect: (server) => connectUntil(server, { stream: "later" }, '"state":"waiting"'),
  },
  {
    name: "in the middle of a replay",
    options: { registry: { buffer: { bytes: 16 << 20 } } },
    async connect(server) {
      const epoch = await server.open("long");
      await server.pushMany("long", 500, 16_000);
      return connectUntil(server, { writer: "long" }, `id: ${epoch}.1\n`);
    },
  },
  {
    name: "in the middle of an event",
    options: { registry: { buffer: { bytes: 32 << 20 }, maxEventBytes: 8 << 20 } },
    async connect(server) {
      const client = await connectUntil(server, { channel: "feed" }, "event: stream.live");
      await server.pushMany("feed", 1, 8_000_000);
      await client.until("data: xxx");
      return client;
    },
  },
  {
    name: "after a POST whose body was read",
    async connect(server) {
      const client = server.send(await server.serve({ echo: "echo" }), { method: "POST", body: "hello" });
      await client.until("event: stream.live");
      return client;
    },
  },
];

/** Not for a half-close: such a client may read again, so it is left to `idleTimeout`. */
const stalled: Situation = {
  name: "while the client does not read",
  async connect(server) {
    const client = await connectUntil(server, { channel: "feed" }, "event: stream.live");
    client.pause();
    // More than any transport buffers.
    for (let batch = 0; batch < 32; batch++) await server.pushMany("feed", 32, 16_000);
    return client;
  },
};

/** A client that disconnects is noticed without a heartbeat, in whatever way it disconnects, and nothing is left of it. */
export function clientDisconnect(suite: Suite): void {
  const { test, has } = suite;
  const cases = [
    ...situations.flatMap((situation) => allDisconnects(suite).map((way) => ({ situation, way }))),
    ...disconnects(suite).map((way) => ({ situation: stalled, way })),
  ];
  for (const { situation, way } of cases) {
    test(`is noticed ${situation.name}: ${way.name}`, async (start) => {
      const { registry, ...options } = situation.options ?? {};
      const server = await start({
        ...options,
        registry: { linger: 20, heartbeat: NO_HEARTBEAT, ...registry },
      });
      await server.open("job");
      const client = await situation.connect(server);
      assert.equal((await server.observed()).gauges.connections, 1);
      way.disconnect(client);
      const { closed } = await server.until(({ gauges, pendingCalls }) => {
        assert.equal(gauges.connections, 0, "open connections");
        assert.equal(gauges.waiting, 0, "waiting clients");
        assert.equal(pendingCalls, 0, "calls of the adapter that have not settled");
      });
      assert.deepEqual(reasons(closed), ["disconnected"]);

      // The stream continues, and another client is served.
      await server.push("job", [{ data: "after" }]);
      const other = await server.get(await server.serve({ stream: "job" }));
      await other.until("data: after\n\n");
      await server.end("job");
      assert.equal(await other.finished(), "ended");
      await server.until((seen) => assert.deepEqual(reasons(seen.closed), ["disconnected", "ended"]));
    });
  }

  if (has("leavingBeforeAnswer")) {
    const routes: [string, Route][] = [
      ["a live stream", { writer: "job" }],
      ["a stream that does not exist", { stream: "later" }],
      ["a channel", { channel: "lobby" }],
      ["a bare source", { bare: "quiet" }],
    ];
    for (const [what, route] of routes) {
      for (const { name, disconnect } of allDisconnects(suite)) {
        test(`registers nothing if it comes before the adapter is called: ${what}, ${name}`, async (start) => {
          const server = await start();
          await server.open("job");
          const client = server.send(await server.serve({ ...route, barrier: "handler" }));
          await server.until(({ pendingCalls }) => assert.equal(pendingCalls, 1));
          disconnect(client);
          await server.settled();
          await server.openBarrier("handler");
          await server.until(({ pendingCalls }) => assert.equal(pendingCalls, 0));
          const { opened, gauges } = await server.observed();
          assert.deepEqual([opened, gauges.connections, gauges.waiting], [0, 0, 0]);
          assert.equal((await server.info("job"))?.readers, 0);
        });
      }
    }

    for (const { name, disconnect } of allDisconnects(suite)) {
      test(`registers nothing if it comes while the snapshot is pending: ${name}`, async (start) => {
        const server = await start({
          registry: { heartbeat: NO_HEARTBEAT },
          snapshot: { answer: { state: "pending" }, barrier: "database" },
        });
        const client = server.send(await server.serve({ stream: "job" }));
        await server.until(({ snapshots }) => assert.equal(snapshots, 1));
        disconnect(client);
        await server.until(({ gauges, pendingCalls }) => {
          assert.deepEqual([gauges.connections, gauges.waiting, pendingCalls], [0, 0, 0]);
        });
        await server.openBarrier("database");
        await server.settled();
        const { opened, gauges } = await server.observed();
        assert.deepEqual([opened, gauges.connections, gauges.waiting], [0, 0, 0]);
      });
    }
  }

  test("is noticed for a hundred clients at once", async (start) => {
    const server = await start({ registry: { heartbeat: NO_HEARTBEAT } });
    const path = await server.serve({ channel: "feed" });
    const clients = await Promise.all(Array.from({ length: 100 }, () => server.get(path)));
    for (const client of clients) await client.until("event: stream.live");
    assert.equal((await server.observed()).gauges.connections, 100);
    for (const client of clients) client.disconnect();
    const { closed } = await server.until(({ gauges }) => assert.equal(gauges.connections, 0));
    assert.deepEqual(reasons(closed), Array(100).fill("disconnected"));
    assert.equal((await server.info("feed"))?.readers, 0);
  });
}

async function connectUntil(server: RemoteServer, route: Route, until: string): Promise<Client> {
  const client = await server.get(await server.serve(route));
  await client.until(until);
  return client;
}

function reasons(closed: readonly { readonly reason: string }[]): string[] {
  return closed.map(({ reason }) => reason);
}
