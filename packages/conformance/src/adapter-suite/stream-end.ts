import assert from "node:assert/strict";
import { dataOf, eventsOf, framesOf, framesNamed } from "../wire/frames.ts";
import { numbers } from "../harness/expectations.ts";
import type { Suite } from "../harness/suite.ts";

/** The end of a stream ends its responses, with the terminal record. */
export function streamEnd({ test }: Suite): void {
  test("ends the response of a connected client with stream.end", async (start) => {
    const server = await start();
    await server.open("job");
    const client = await server.get(await server.serve({ stream: "job" }));
    await client.until("event: stream.live");
    await server.end("job", { data: "last" });
    assert.equal(await client.finished(), "ended");
    assert.equal(framesOf(client.text).at(-1)?.event, "stream.end");
    await server.until(({ closed }) => assert.deepEqual(closed, [{ reason: "ended", events: 1 }]));
  });

  test("sends an ended stream whole to a client that connects later, and then answers it with 204", async (start) => {
    const server = await start();
    const epoch = await server.open("job");
    await server.push(
      "job",
      numbers(1, 3).map((data) => ({ data })),
    );
    await server.end("job", { event: "result", data: "all" });
    const path = await server.serve({ stream: "job" });
    const client = await server.get(path);
    assert.equal(await client.finished(), "ended");
    const { state, first, last } = dataOf(client.text, "stream.open") as Record<string, unknown>;
    assert.deepEqual([state, first, last], ["ended", 1, 4]);
    assert.deepEqual(
      eventsOf(client.text).map(({ data }) => data),
      [...numbers(1, 3), "all"],
    );
    assert.deepEqual(framesNamed(client.text, "stream.live"), []);
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
      "a public error",
      "The model has left.",
      true,
      { code: "GONE", message: "The model has left.", retryable: false },
    ],
  ];
  for (const [name, message, isPublic, sent] of failures) {
    test(`sends a failure as stream.error and stream.end: ${name}`, async (start) => {
      const server = await start();
      const epoch = await server.open("job");
      const path = await server.serve({ stream: "job" });
      const connected = await server.get(path);
      await connected.until("event: stream.live");
      await server.fail("job", message, isPublic);
      for (const client of [connected, await server.get(path)]) {
        assert.equal(await client.finished(), "ended");
        const [failure, end] = framesOf(client.text).slice(-2);
        assert.equal(failure?.event, "stream.error");
        assert.equal(failure?.id, undefined);
        assert.deepEqual(JSON.parse(failure?.data ?? ""), sent);
        assert.deepEqual(end, { event: "stream.end", id: `${epoch}.1.end`, data: '{"status":"failed"}' });
        assert(!client.text.includes("ECONNREFUSED"));
      }
      assert.deepEqual((await server.observed()).failed, [{ stage: "source", message }]);
      await server.clearFailures();
    });
  }

  test("sends the status of a cancelled stream", async (start) => {
    const server = await start();
    await server.open("job");
    const client = await server.get(await server.serve({ stream: "job" }));
    await client.until("event: stream.live");
    assert.equal(await server.cancel("job", "user"), "user");
    assert.equal(await client.finished(), "ended");
    assert.deepEqual(dataOf(client.text, "stream.end"), { status: "cancelled" });
  });

  test("replays a finished snapshot, and resumes a replay that was cut", async (start) => {
    const events = numbers(1, 5).map((data) => ({ data }));
    const server = await start({ snapshot: { answer: { state: "done", events } } });
    const path = await server.serve({ stream: "job" });
    const client = await server.get(path);
    assert.equal(await client.finished(), "ended");
    assert.deepEqual(
      eventsOf(client.text).map(({ data }) => data),
      numbers(1, 5),
    );
    assert.deepEqual(dataOf(client.text, "stream.end"), { status: "done" });
    const middle = eventsOf(client.text)[2]?.id ?? "";
    const resumed = await server.get(path, { headers: { "last-event-id": middle } });
    assert.equal(await resumed.finished(), "ended");
    assert.deepEqual(
      eventsOf(resumed.text).map(({ data }) => data),
      numbers(4, 5),
    );
    const end = framesOf(resumed.text).at(-1)?.id ?? "";
    const stopped = await server.get(path, { headers: { "last-event-id": end } });
    assert.equal(stopped.status, 204);
  });
}
