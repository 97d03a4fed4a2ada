import assert from "node:assert/strict";
import { assertRetry } from "../harness/expectations.ts";
import type { Suite } from "../harness/suite.ts";
import type { Route } from "../subject/route.ts";
import type { Client } from "../wire/client.ts";
import { framesOf } from "../wire/frames.ts";

const ofAnna = { options: { key: "anna" } };

async function assertDrained(
  client: Client,
  reason: string,
  retry: [min: number, max: number],
): Promise<void> {
  assert.equal(client.status, 200);
  assert.equal(await client.finished(), "ended");
  const frame = framesOf(client.text).at(-1);
  assert.equal(frame?.event, "stream.drain");
  assert.equal(frame?.data, JSON.stringify({ reason }));
  assertRetry(frame?.retry, ...retry);
}

/** A key says whose a connection is: an adapter passes it on, with `onClose`, and nothing else is left to it. */
export function keys({ test }: Suite): void {
  test("counts the connections of a key, and drains those over the limit as busy", async (start) => {
    const server = await start({ registry: { maxConnectionsPerKey: 2 } });
    await server.open("job");
    const path = await server.serve({ stream: "job", ...ofAnna });
    const bare = await server.serve({ bare: "quiet", isRegistered: true, ...ofAnna });
    const first = await server.get(path);
    await first.until("event: stream.live");
    const second = await server.get(bare);
    await server.until(({ gauges }) => assert.equal(gauges.connections, 2));
    await assertDrained(await server.get(path), "busy", [5_000, 30_000]);
    await assertDrained(await server.get(bare), "busy", [5_000, 30_000]);
    const other = await server.get(await server.serve({ stream: "job", options: { key: "ben" } }));
    await other.until("event: stream.live");
    second.reset();
    await server.until(({ gauges }) => assert.equal(gauges.connections, 2));
    await (await server.get(path)).until("event: stream.live");
  });

  test("refuses those over the limit with 503 where `overload` says so", async (start) => {
    const server = await start({ registry: { maxConnectionsPerKey: 1 } });
    await server.open("job");
    const path = await server.serve({ stream: "job", options: { key: "anna", overload: "refuse" } });
    await (await server.get(path)).until("event: stream.live");
    const refused = await server.get(path);
    assert.equal(refused.status, 503);
    assert.equal(await refused.finished(), "ended");
    await server.until(({ closeInfos }) =>
      assert.deepEqual(
        closeInfos.map(({ key, status }) => [key, status]),
        [["anna", 503]],
      ),
    );
  });

  test("lists open connections with what was written to them", async (start) => {
    const server = await start();
    await server.open("job");
    await server.push("job", [{ data: "one" }]);
    const anna = await server.get(await server.serve({ stream: "job", ...ofAnna }));
    await anna.until("event: stream.live");
    const ben = await server.get(await server.serve({ channel: "lobby", options: { key: "ben" } }));
    await ben.until("event: stream.live");
    const all = await server.connections();
    assert.deepEqual(
      all.map(({ id, key, events }) => ({ id, key, events })),
      [
        { id: "job", key: "anna", events: 1 },
        { id: "lobby", key: "ben", events: 0 },
      ],
    );
    for (const { since, bytes } of all) {
      assert(Math.abs(Date.now() - since) < 3_600_000);
      assert(bytes > 0);
    }
    assert.deepEqual(
      (await server.connections("ben")).map(({ id, since }) => ({ id, since })),
      [{ id: "lobby", since: all[1]?.since }],
    );
    assert.deepEqual(await server.connections("carl"), []);
  });

  test("drains the connections of a key that is disconnected, and leaves the others alone", async (start) => {
    const server = await start();
    await server.open("job");
    const routes: readonly Route[] = [
      { stream: "job", ...ofAnna },
      { stream: "later", ...ofAnna },
      { channel: "lobby", ...ofAnna },
      { bare: "pushingOne", isRegistered: true, ...ofAnna },
    ];
    const clients: Client[] = [];
    for (const route of routes) clients.push(await server.get(await server.serve(route)));
    const ben = await server.get(await server.serve({ stream: "job", options: { key: "ben" } }));
    await ben.until("event: stream.live");
    await server.until(({ gauges }) => assert.equal(gauges.connections, 5));
    await server.disconnect("anna", "logged out");
    for (const client of clients) await assertDrained(client, "aborted", [1_000, 2_000]);
    const { closeInfos, keys: seen } = await server.until(({ closeInfos: { length } }) =>
      assert.equal(length, 4),
    );
    for (const { key, status, reason, cause, bytes } of closeInfos) {
      assert.deepEqual([key, status, reason, cause], ["anna", 200, "aborted", "logged out"]);
      assert(bytes > 0);
    }
    assert.deepEqual(seen["connectionOpened"], ["anna", "anna", "anna", "anna", "ben"]);
    assert.deepEqual(seen["connectionClosed"], ["anna", "anna", "anna", "anna"]);
    await server.push("job", [{ data: "two" }]);
    await ben.until("data: two");
  });

  const ends: [name: string, route: Route, headers: Record<string, string>, expected: unknown[]][] = [
    ["a stream that has ended", { stream: "done" }, {}, ["done", 200, "ended", 1]],
    ["a bare source", { bare: "generator" }, {}, [undefined, 200, "closed", 3]],
    [
      "a terminal id",
      { stream: "done" },
      { "last-event-id": "aaaaaaaaaa.3.end" },
      ["done", 204, undefined, 0],
    ],
    ["an impossible id", { stream: "a\nb" }, {}, ["a\nb", 404, undefined, 0]],
  ];
  for (const [name, route, headers, expected] of ends) {
    test(`calls \`onClose\` once: ${name}`, async (start) => {
      const server = await start();
      await server.open("done");
      await server.end("done", { data: "one" });
      const client = await server.get(await server.serve({ ...route, ...ofAnna }), { headers });
      assert.equal(await client.finished(), "ended");
      const { closeInfos } = await server.until(({ pendingCalls, closeInfos: { length } }) =>
        assert.deepEqual([pendingCalls, length], [0, 1]),
      );
      const [{ id, key, status, reason, events } = {} as never] = closeInfos;
      assert.deepEqual([id, status, reason, events], expected);
      assert.equal(key, "anna");
    });
  }

  test("calls `onClose` once: a client that disconnects", async (start) => {
    const server = await start();
    await server.open("job");
    const client = await server.get(await server.serve({ stream: "job", ...ofAnna }));
    await client.until("event: stream.live");
    client.reset();
    await server.until(({ closeInfos }) =>
      assert.deepEqual(
        closeInfos.map(({ key, reason }) => [key, reason]),
        [["anna", "disconnected"]],
      ),
    );
    await server.settled();
    assert.equal((await server.observed()).closeInfos.length, 1);
  });
}
