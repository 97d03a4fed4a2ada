import assert from "node:assert/strict";
import { dataOf, eventsOf, framesOf } from "../wire/frames.ts";
import { assertRetry } from "../harness/expectations.ts";
import type { Suite } from "../harness/suite.ts";

/** A connection that closes while its stream continues asks the client to reconnect, and says when. */
export function drain({ test }: Suite): void {
  test("drains connected and new clients when the registry closes", async (start) => {
    const server = await start();
    await server.open("job");
    const [path, other] = [await server.serve({ stream: "job" }), await server.serve({ stream: "later" })];
    const reader = await server.get(path);
    await reader.until("event: stream.live");
    const waiting = await server.get(other);
    await waiting.until('"state":"waiting"');
    await server.closeRegistry();
    for (const client of [reader, waiting, await server.get(path), await server.get(other)]) {
      assert.equal(client.status, 200);
      assert.equal(await client.finished(), "ended");
      const frame = framesOf(client.text).at(-1);
      assert.equal(frame?.event, "stream.drain");
      assert.equal(frame?.data, '{"reason":"shutdown"}');
      assert.equal(frame?.id, undefined);
      assertRetry(frame?.retry, 1_000, 7_000);
    }
    await server.until(({ closed }) =>
      assert.deepEqual(
        closed.map(({ reason }) => reason),
        Array(4).fill("shutdown"),
      ),
    );
  });

  test("drains a client after `maxDuration`, and resumes when it reconnects", async (start) => {
    // Long enough for a busy machine: a client that is not reading at this moment is cut.
    const server = await start({ registry: { maxDuration: 500 } });
    const epoch = await server.open("job");
    await server.push("job", [{ data: "one" }]);
    const path = await server.serve({ stream: "job" });
    const client = await server.get(path);
    assert.equal(await client.finished(), "ended");
    assert.deepEqual(dataOf(client.text, "stream.drain"), { reason: "max-duration" });
    await server.push("job", [{ data: "two" }]);
    const back = await server.get(path, { headers: { "last-event-id": `${epoch}.1` } });
    assert.equal(await back.finished(), "ended");
    assert.deepEqual(
      eventsOf(back.text).map(({ data }) => data),
      ["two"],
    );
    assert.equal((await server.observed()).closed[0]?.reason, "max-duration");
  });

  test("drains connected and new clients when the application's signal aborts", async (start) => {
    const server = await start();
    const epoch = await server.open("job");
    await server.push("job", [{ data: "one" }]);
    const path = await server.serve({ stream: "job", signal: "login" });
    const reader = await server.get(path);
    await reader.until("event: stream.live");
    const waiting = await server.get(await server.serve({ stream: "later", signal: "login" }));
    await waiting.until('"state":"waiting"');
    const bare = await server.get(await server.serve({ bare: "pushingOne", signal: "login" }));
    await bare.until("data: one");
    await server.abort("login");
    for (const client of [reader, waiting, bare, await server.get(path)]) {
      assert.equal(client.status, 200);
      assert.equal(await client.finished(), "ended");
      const frame = framesOf(client.text).at(-1);
      assert.equal(frame?.event, "stream.drain");
      assert.equal(frame?.data, '{"reason":"aborted"}');
      assert.equal(frame?.id, undefined);
      assertRetry(frame?.retry, 1_000, 2_000);
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

  test("drains a waiting client after `wait`", async (start) => {
    const server = await start();
    const client = await server.get(await server.serve({ stream: "later", follow: { wait: 20 } }));
    assert.equal(await client.finished(), "ended");
    assert.deepEqual(dataOf(client.text, "stream.drain"), { reason: "waiting" });
  });
}
