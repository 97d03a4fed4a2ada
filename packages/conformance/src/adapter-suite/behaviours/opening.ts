import assert from "node:assert/strict";
import { dataOf, framesOf, named } from "../../wire/frames.ts";
import { assertHeaders, assertRetry, STREAM_HEADERS } from "../shapes.ts";
import type { Suite } from "../suite.ts";

/** Status, headers and first bytes leave before any event exists. */
export function opening({ test }: Suite): void {
  test("for a client that waits for its stream", async (begin) => {
    const server = await begin();
    const client = await server.get(await server.serve({ stream: "later" }));
    assert.equal(client.status, 200);
    assertHeaders(client, STREAM_HEADERS);
    const [open] = named(await client.until("\n\n"), "stream.open");
    assert.deepEqual(dataOf(client.text, "stream.open"), {
      state: "waiting",
      first: null,
      last: null,
      heartbeat: 15_000,
    });
    assert.equal(open?.id, undefined);
    assertRetry(open?.retry);
    const { gauges } = await server.seen();
    assert.deepEqual([gauges.connections, gauges.waiting], [1, 1]);
  });

  test("for an empty live stream", async (begin) => {
    const server = await begin();
    const epoch = await server.open("job");
    const client = await server.get(await server.serve({ writer: "job" }));
    assert.equal(client.status, 200);
    assertHeaders(client, STREAM_HEADERS);
    const [open, live] = framesOf(await client.until("event: stream.live\ndata: {}\n\n"));
    assert.equal(open?.event, "stream.open");
    assert.equal(open?.id, `${epoch}.0`);
    assertRetry(open?.retry);
    assert.deepEqual(dataOf(client.text, "stream.open"), {
      state: "live",
      first: 1,
      last: 0,
      heartbeat: 15_000,
    });
    assert.deepEqual(live, { event: "stream.live", data: "{}" });
  });

  for (const bare of ["quiet", "silent"] as const) {
    test(`for a bare source that says nothing: ${bare}`, async (begin) => {
      const server = await begin();
      const client = await server.get(await server.serve({ bare }));
      assert.equal(client.status, 200);
      assertHeaders(client, STREAM_HEADERS);
      const frames = framesOf(await client.until("\n\n"));
      assert.deepEqual(Object.keys(frames[0] ?? {}), ["retry"]);
      assertRetry(frames[0]?.retry);
    });
  }

  test("behind a request whose body was read", async (begin) => {
    const server = await begin();
    const client = await server.get(await server.serve({ echo: "job" }), {
      method: "POST",
      body: "Tell me a story.",
      headers: { "content-type": "text/plain" },
    });
    await client.until("event: stream.live");
    assert.equal(named(client.text, "echo")[0]?.data, "Tell me a story.");
  });
}
