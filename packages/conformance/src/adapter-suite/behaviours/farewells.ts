import assert from "node:assert/strict";
import { dataOf, eventsOf, framesOf } from "../../wire/frames.ts";
import { assertRetry } from "../shapes.ts";
import type { Suite } from "../suite.ts";

/** A connection that closes while its stream goes on says so, and when to come back. */
export function farewells({ test }: Suite): void {
  test("when the registry closes: to those who are there, and to those who come", async (begin) => {
    const server = await begin();
    await server.open("job");
    const [path, other] = [await server.serve({ stream: "job" }), await server.serve({ stream: "later" })];
    const reader = await server.get(path);
    await reader.until("event: stream.live");
    const waiter = await server.get(other);
    await waiter.until('"state":"waiting"');
    await server.close();
    for (const client of [reader, waiter, await server.get(path), await server.get(other)]) {
      assert.equal(client.status, 200);
      assert.equal(await client.over(), "ended");
      const drain = framesOf(client.text).at(-1);
      assert.equal(drain?.event, "stream.drain");
      assert.equal(drain?.data, '{"reason":"shutdown"}');
      assert.equal(drain?.id, undefined);
      assertRetry(drain?.retry, 1_000, 7_000);
    }
    await server.until(({ closed }) =>
      assert.deepEqual(
        closed.map(({ reason }) => reason),
        Array(4).fill("shutdown"),
      ),
    );
  });

  test("after `maxDuration`, and the client goes on where it was", async (begin) => {
    const server = await begin({ registry: { maxDuration: 30 } });
    const epoch = await server.open("job");
    await server.push("job", [{ data: "one" }]);
    const path = await server.serve({ stream: "job" });
    const client = await server.get(path);
    assert.equal(await client.over(), "ended");
    assert.deepEqual(dataOf(client.text, "stream.drain"), { reason: "max-duration" });
    await server.push("job", [{ data: "two" }]);
    const back = await server.get(path, { headers: { "last-event-id": `${epoch}.1` } });
    assert.equal(await back.over(), "ended");
    assert.deepEqual(
      eventsOf(back.text).map(({ data }) => data),
      ["two"],
    );
    assert.equal((await server.seen()).closed[0]?.reason, "max-duration");
  });

  test("when the application's signal aborts: to those who are there, and to those who come", async (begin) => {
    const server = await begin();
    const epoch = await server.open("job");
    await server.push("job", [{ data: "one" }]);
    const path = await server.serve({ stream: "job", signal: "login" });
    const reader = await server.get(path);
    await reader.until("event: stream.live");
    const waiter = await server.get(await server.serve({ stream: "later", signal: "login" }));
    await waiter.until('"state":"waiting"');
    const bare = await server.get(await server.serve({ bare: "pushingOne", signal: "login" }));
    await bare.until("data: one");
    await server.abort("login");
    for (const client of [reader, waiter, bare, await server.get(path)]) {
      assert.equal(client.status, 200);
      assert.equal(await client.over(), "ended");
      const drain = framesOf(client.text).at(-1);
      assert.equal(drain?.event, "stream.drain");
      assert.equal(drain?.data, '{"reason":"aborted"}');
      assert.equal(drain?.id, undefined);
      assertRetry(drain?.retry, 1_000, 2_000);
    }
    await server.until(({ closed, runs }) => {
      assert.deepEqual(
        closed.map(({ reason }) => reason),
        Array(4).fill("aborted"),
      );
      assert.deepEqual([runs.aborted, runs.finished], [1, 1]);
    });
    await server.push("job", [{ data: "two" }]);
    const again = await server.serve({ stream: "job", signal: "the next login" });
    const back = await server.get(again, { headers: { "last-event-id": `${epoch}.1` } });
    await back.until("data: two");
  });

  test("after `wait`", async (begin) => {
    const server = await begin();
    const client = await server.get(await server.serve({ stream: "later", follow: { wait: 20 } }));
    assert.equal(await client.over(), "ended");
    assert.deepEqual(dataOf(client.text, "stream.drain"), { reason: "waiting" });
  });
}
