import assert from "node:assert/strict";
import { dataOf, framesOf, framesNamed } from "../wire/frames.ts";
import { assertHeaders, assertRetry, STREAM_HEADERS } from "../harness/expectations.ts";
import type { Suite } from "../harness/suite.ts";

/** Status, headers and the first frames are sent before any event exists. */
export function handshake({ test }: Suite): void {
  test("sends status, headers and stream.open to a client that waits for its stream", async (start) => {
    const server = await start();
    const client = await server.get(await server.serve({ stream: "later" }));
    assert.equal(client.status, 200);
    assertHeaders(client, STREAM_HEADERS);
    const [open] = framesNamed(await client.until("\n\n"), "stream.open");
    assert.deepEqual(dataOf(client.text, "stream.open"), {
      state: "waiting",
      first: null,
      last: null,
      heartbeat: 15_000,
    });
    assert.equal(open?.id, undefined);
    assertRetry(open?.retry);
    const { gauges } = await server.observed();
    assert.deepEqual([gauges.connections, gauges.waiting], [1, 1]);
  });

  test("sends status, headers, stream.open and stream.live for an empty live stream", async (start) => {
    const server = await start();
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
    test(`sends status, headers and retry for a bare source without events: ${bare}`, async (start) => {
      const server = await start();
      const client = await server.get(await server.serve({ bare }));
      assert.equal(client.status, 200);
      assertHeaders(client, STREAM_HEADERS);
      const frames = framesOf(await client.until("\n\n"));
      assert.deepEqual(Object.keys(frames[0] ?? {}), ["retry"]);
      assertRetry(frames[0]?.retry);
    });
  }

  test("serves a POST whose body was read before", async (start) => {
    const server = await start();
    const client = await server.get(await server.serve({ echo: "job" }), {
      method: "POST",
      body: "Tell me a story.",
      headers: { "content-type": "text/plain" },
    });
    await client.until("event: stream.live");
    assert.equal(framesNamed(client.text, "echo")[0]?.data, "Tell me a story.");
  });
}
