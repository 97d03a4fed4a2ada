import assert from "node:assert/strict";
import type { Route, StageOptions } from "../../subject/stage.ts";
import type { Client } from "../../wire/client.ts";
import { allLeavings, leavings, SOON } from "../leavings.ts";
import type { Server } from "../server.ts";
import type { Suite } from "../suite.ts";

interface Place {
  readonly name: string;
  readonly options?: StageOptions;
  /** Brings a client there. */
  readonly go: (server: Server) => Promise<Client>;
}

const places: Place[] = [
  {
    name: "while nothing happens",
    go: (server) => visit(server, { stream: "job" }, "event: stream.live"),
  },
  {
    name: "while it waits for its stream",
    go: (server) => visit(server, { stream: "later" }, '"state":"waiting"'),
  },
  {
    name: "in the middle of a replay",
    options: { registry: { buffer: { bytes: 16 << 20 } } },
    async go(server) {
      const epoch = await server.open("long");
      await server.pushMany("long", 500, 16_000);
      return visit(server, { writer: "long" }, `id: ${epoch}.1\n`);
    },
  },
  {
    name: "in the middle of an event",
    options: { registry: { buffer: { bytes: 32 << 20 }, maxEventBytes: 8 << 20 } },
    async go(server) {
      const client = await visit(server, { channel: "feed" }, "event: stream.live");
      await server.pushMany("feed", 1, 8_000_000);
      await client.until("data: xxx");
      return client;
    },
  },
  {
    name: "behind a request whose body was read",
    async go(server) {
      const client = server.send(await server.serve({ echo: "echo" }), { method: "POST", body: "hello" });
      await client.until("event: stream.live");
      return client;
    },
  },
];

/** While it takes nothing. A client that has only closed its own half may yet read: that one is left to `idleTimeout`. */
const stalled: Place = {
  name: "while it takes nothing",
  async go(server) {
    const client = await visit(server, { channel: "feed" }, "event: stream.live");
    client.pause();
    // More than any transport keeps.
    for (let batch = 0; batch < 32; batch++) await server.pushMany("feed", 32, 16_000);
    return client;
  },
};

/** A client that leaves is noticed within a second, however it leaves, and leaves nothing behind. */
export function leaving(suite: Suite): void {
  const { test, has } = suite;
  const cases = [
    ...places.flatMap((place) => allLeavings(suite).map((leaving) => ({ place, leaving }))),
    ...leavings(suite).map((leaving) => ({ place: stalled, leaving })),
  ];
  for (const { place, leaving } of cases) {
    test(`${place.name}: ${leaving.name}`, async (begin) => {
      const { registry, ...options } = place.options ?? {};
      const server = await begin({ ...options, registry: { linger: 20, ...registry } });
      await server.open("job");
      const client = await place.go(server);
      assert.equal((await server.seen()).gauges.connections, 1);
      leaving.leave(client);
      const { closed } = await server.until(({ gauges, handling }) => {
        assert.equal(gauges.connections, 0, "connections that are left");
        assert.equal(gauges.waiting, 0, "clients that still wait");
        assert.equal(handling, 0, "calls of the adapter that are not over");
      }, SOON);
      assert.deepEqual(reasons(closed), ["disconnected"]);

      // The writer goes on, and another client is served.
      await server.push("job", [{ data: "after" }]);
      const other = await server.get(await server.serve({ stream: "job" }));
      await other.until("data: after\n\n");
      await server.end("job");
      assert.equal(await other.over(), "ended");
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
      for (const { name, leave } of allLeavings(suite)) {
        test(`before the adapter is called, to serve ${what}: ${name}`, async (begin) => {
          const server = await begin();
          await server.open("job");
          const client = server.send(await server.serve({ ...route, gate: "handler" }));
          await server.until(({ handling }) => assert.equal(handling, 1));
          leave(client);
          await server.settled();
          await server.openGate("handler");
          await server.until(({ handling }) => assert.equal(handling, 0));
          const { opened, gauges } = await server.seen();
          assert.deepEqual([opened, gauges.connections, gauges.waiting], [0, 0, 0]);
          assert.equal((await server.info("job"))?.readers, 0);
        });
      }
    }

    for (const { name, leave } of allLeavings(suite)) {
      test(`while its stream is looked up: ${name}`, async (begin) => {
        const server = await begin({ snapshot: { answer: { state: "pending" }, gate: "database" } });
        const client = server.send(await server.serve({ stream: "job" }));
        await server.until(({ asked }) => assert.equal(asked, 1));
        leave(client);
        await server.until(({ gauges, handling }) => {
          assert.deepEqual([gauges.connections, gauges.waiting, handling], [0, 0, 0]);
        }, SOON);
        await server.openGate("database");
        await server.settled();
        const { opened, gauges } = await server.seen();
        assert.deepEqual([opened, gauges.connections, gauges.waiting], [0, 0, 0]);
      });
    }
  }

  test("a hundred at once", async (begin) => {
    const server = await begin();
    const path = await server.serve({ channel: "feed" });
    const clients = await Promise.all(Array.from({ length: 100 }, () => server.get(path)));
    for (const client of clients) await client.until("event: stream.live");
    assert.equal((await server.seen()).gauges.connections, 100);
    for (const client of clients) client.leave();
    const { closed } = await server.until(({ gauges }) => assert.equal(gauges.connections, 0), SOON);
    assert.deepEqual(reasons(closed), Array(100).fill("disconnected"));
    assert.equal((await server.info("feed"))?.readers, 0);
  });
}

async function visit(server: Server, route: Route, until: string): Promise<Client> {
  const client = await server.get(await server.serve(route));
  await client.until(until);
  return client;
}

function reasons(closed: readonly { readonly reason: string }[]): string[] {
  return closed.map(({ reason }) => reason);
}
