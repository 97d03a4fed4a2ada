import assert from "node:assert/strict";
import { dataOf, eventsOf, framesOf, named } from "../../wire/frames.ts";
import { numbers } from "../shapes.ts";
import type { Suite } from "../suite.ts";

/** A stream that is over ends its responses in order, with its terminal record. */
export function ends({ test }: Suite): void {
  test("for a client that was there", async (begin) => {
    const server = await begin();
    await server.open("job");
    const client = await server.get(await server.serve({ stream: "job" }));
    await client.until("event: stream.live");
    await server.end("job", { data: "last" });
    assert.equal(await client.over(), "ended");
    assert.equal(framesOf(client.text).at(-1)?.event, "stream.end");
    await server.until(({ closed }) => assert.deepEqual(closed, [{ reason: "ended", events: 1 }]));
  });

  test("for a latecomer, who gets everything, and is stopped after that", async (begin) => {
    const server = await begin();
    const epoch = await server.open("job");
    await server.push(
      "job",
      numbers(1, 3).map((data) => ({ data })),
    );
    await server.end("job", { event: "result", data: "all" });
    const path = await server.serve({ stream: "job" });
    const client = await server.get(path);
    assert.equal(await client.over(), "ended");
    const { state, first, last } = dataOf(client.text, "stream.open") as Record<string, unknown>;
    assert.deepEqual([state, first, last], ["ended", 1, 4]);
    assert.deepEqual(
      eventsOf(client.text).map(({ data }) => data),
      [...numbers(1, 3), "all"],
    );
    assert.deepEqual(named(client.text, "stream.live"), []);
    const end = framesOf(client.text).at(-1);
    assert.deepEqual(end, { event: "stream.end", id: `${epoch}.5.end`, data: '{"status":"done"}' });
    const stopped = await server.get(path, { headers: { "last-event-id": end?.id ?? "" } });
    assert.equal(stopped.status, 204);
  });

  const failures: [string, string, boolean, object][] = [
    [
      "an internal error",
      "connect ECONNREFUSED 10.0.0.7",
      false,
      { code: "SOURCE_FAILED", message: "The stream failed.", retryable: false },
    ],
    [
      "an error for the public",
      "The model has left.",
      true,
      { code: "GONE", message: "The model has left.", retryable: true, retryAfter: 5_000 },
    ],
  ];
  for (const [name, message, isPublic, told] of failures) {
    test(`as failed, in two blocks: ${name}`, async (begin) => {
      const server = await begin();
      const epoch = await server.open("job");
      const path = await server.serve({ stream: "job" });
      const present = await server.get(path);
      await present.until("event: stream.live");
      await server.fail("job", message, isPublic);
      for (const client of [present, await server.get(path)]) {
        assert.equal(await client.over(), "ended");
        const [failure, end] = framesOf(client.text).slice(-2);
        assert.equal(failure?.event, "stream.error");
        assert.equal(failure?.id, undefined);
        assert.deepEqual(JSON.parse(failure?.data ?? ""), told);
        assert.deepEqual(end, { event: "stream.end", id: `${epoch}.1.end`, data: '{"status":"failed"}' });
        assert(!client.text.includes("ECONNREFUSED"));
      }
      assert.deepEqual((await server.seen()).failed, [{ stage: "source", message }]);
      await server.forgive();
    });
  }

  test("as cancelled", async (begin) => {
    const server = await begin();
    await server.open("job");
    const client = await server.get(await server.serve({ stream: "job" }));
    await client.until("event: stream.live");
    assert.equal(await server.cancel("job", "user"), "user");
    assert.equal(await client.over(), "ended");
    assert.deepEqual(dataOf(client.text, "stream.end"), { status: "cancelled" });
  });

  test("from the database, and a replay that was cut goes on", async (begin) => {
    const events = numbers(1, 5).map((data) => ({ data }));
    const server = await begin({ snapshot: { answer: { state: "done", events } } });
    const path = await server.serve({ stream: "job" });
    const client = await server.get(path);
    assert.equal(await client.over(), "ended");
    assert.deepEqual(
      eventsOf(client.text).map(({ data }) => data),
      numbers(1, 5),
    );
    assert.deepEqual(dataOf(client.text, "stream.end"), { status: "done" });
    const middle = eventsOf(client.text)[2]?.id ?? "";
    const resumed = await server.get(path, { headers: { "last-event-id": middle } });
    assert.equal(await resumed.over(), "ended");
    assert.deepEqual(
      eventsOf(resumed.text).map(({ data }) => data),
      numbers(4, 5),
    );
    const end = framesOf(resumed.text).at(-1)?.id ?? "";
    const stopped = await server.get(path, { headers: { "last-event-id": end } });
    assert.equal(stopped.status, 204);
  });
}
