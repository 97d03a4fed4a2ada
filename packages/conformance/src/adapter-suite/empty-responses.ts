import assert from "node:assert/strict";
import type { Route, TestServerOptions } from "../subject/route.ts";
import type { Client } from "../wire/client.ts";
import type { RemoteServer } from "../harness/remote-server.ts";
import {
  assertHeaders,
  EMPTY_RESPONSE_HEADERS,
  STREAM_HEADERS,
  TERMINAL_ID,
} from "../harness/expectations.ts";
import type { StartServer, Suite } from "../harness/suite.ts";

/** Responses without a stream: nothing is registered for them. */
export function emptyResponses({ test }: Suite): void {
  const sources: [string, Route][] = [
    ["a live stream", { stream: "job" }],
    ["a stream that does not exist", { stream: "missing" }],
    ["a channel", { channel: "lobby" }],
    ["a bare source", { bare: "quiet" }],
  ];

  for (const [name, route] of sources) {
    test(`answers HEAD with the headers of ${name}`, async (start) => {
      const server = await start();
      await server.open("job");
      const client = await server.get(await server.serve(route), { method: "HEAD" });
      await assertEmpty(server, client, 200);
      assertHeaders(client, STREAM_HEADERS);
    });

    test(`answers the terminal id with 204: ${name}`, async (start) => {
      const server = await start();
      await server.open("job");
      const path = await server.serve(route);
      for (const request of [
        { headers: { "last-event-id": TERMINAL_ID } },
        { path: `?lastEventId=${TERMINAL_ID}` },
      ]) {
        const client = await server.get(path, request);
        await assertEmpty(server, client, 204);
        assertHeaders(client, EMPTY_RESPONSE_HEADERS);
      }
    });
  }

  const invalidIds: [string, string][] = [
    ["empty", ""],
    ["too long", "x".repeat(257)],
    ["with a control character", "a\nb"],
  ];
  for (const [name, id] of invalidIds) {
    test(`answers an invalid stream id with 404: ${name}`, async (start) => {
      const server = await start();
      const client = await server.get(await server.serve({ stream: id }));
      await assertEmpty(server, client, 404);
      assertHeaders(client, EMPTY_RESPONSE_HEADERS);
    });
  }

  test("answers 404 when the snapshot says that the stream does not exist", async (start) => {
    const { server, client } = await request(start, { snapshot: { answer: null } }, { stream: "job" });
    await assertEmpty(server, client, 404);
    assertHeaders(client, EMPTY_RESPONSE_HEADERS);
  });

  test("answers 503 with Retry-After when a full registry refuses", async (start) => {
    const limits: TestServerOptions = { registry: { maxConnections: 1, overload: "refuse" } };
    const { server, client: first, path } = await request(start, limits, { channel: "lobby" });
    const second = await server.get(path);
    assert.equal(await second.finished(), "ended");
    assert.equal(second.status, 503);
    assert.equal(second.text, "");
    assert(Number(second.headers["retry-after"]) >= 5);
    assertHeaders(second, EMPTY_RESPONSE_HEADERS);
    assert.equal(first.state, "open");
  });

  test("answers 200 with stream.drain and retry when a full registry drains", async (start) => {
    const { server, path } = await request(start, { registry: { maxConnections: 1 } }, { channel: "lobby" });
    const second = await server.get(path);
    assert.equal(await second.finished(), "ended");
    assert.equal(second.status, 200);
    assert.match(second.text, /^event: stream\.drain\nretry: \d+\ndata: \{"reason":"busy"\}\n\n$/);
  });
}

async function request(
  start: StartServer,
  options: TestServerOptions,
  route: Route,
): Promise<{ server: RemoteServer; client: Client; path: string }> {
  const server = await start(options);
  const path = await server.serve(route);
  return { server, client: await server.get(path), path };
}

/** Asserts that the response has ended without a body, and that nothing was registered. */
async function assertEmpty(server: RemoteServer, client: Client, status: number): Promise<void> {
  assert.equal(await client.finished(), "ended");
  assert.equal(client.status, status);
  assert.equal(client.text, "");
  const { opened, gauges } = await server.until(({ pendingCalls }) => assert.equal(pendingCalls, 0));
  assert.equal(opened, 0);
  assert.deepEqual([gauges.connections, gauges.waiting], [0, 0]);
}
