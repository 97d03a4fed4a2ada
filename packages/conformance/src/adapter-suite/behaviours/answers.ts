import assert from "node:assert/strict";
import type { Route, StageOptions } from "../../subject/stage.ts";
import type { Client } from "../../wire/client.ts";
import type { Server } from "../server.ts";
import { assertHeaders, NO_STREAM_HEADERS, STREAM_HEADERS, TERMINAL_ID } from "../shapes.ts";
import type { Begin, Suite } from "../suite.ts";

/** Requests that are answered without a stream: nothing is registered for them. */
export function answers({ test }: Suite): void {
  const sources: [string, Route][] = [
    ["a live stream", { stream: "job" }],
    ["a stream that does not exist", { stream: "nobody" }],
    ["a channel", { channel: "lobby" }],
    ["a bare source", { bare: "quiet" }],
  ];

  for (const [name, route] of sources) {
    test(`HEAD gets the headers of ${name}`, async (begin) => {
      const server = await begin();
      await server.open("job");
      const client = await server.get(await server.serve(route), { method: "HEAD" });
      await assertAnswer(server, client, 200);
      assertHeaders(client, STREAM_HEADERS);
    });

    test(`the terminal id gets 204 from ${name}`, async (begin) => {
      const server = await begin();
      await server.open("job");
      const path = await server.serve(route);
      for (const request of [
        { headers: { "last-event-id": TERMINAL_ID } },
        { path: `?lastEventId=${TERMINAL_ID}` },
      ]) {
        const client = await server.get(path, request);
        await assertAnswer(server, client, 204);
        assertHeaders(client, NO_STREAM_HEADERS);
      }
    });
  }

  const impossible: [string, string][] = [
    ["empty", ""],
    ["too long", "x".repeat(257)],
    ["with a control character", "a\nb"],
  ];
  for (const [name, id] of impossible) {
    test(`an impossible id gets 404: ${name}`, async (begin) => {
      const server = await begin();
      const client = await server.get(await server.serve({ stream: id }));
      await assertAnswer(server, client, 404);
      assertHeaders(client, NO_STREAM_HEADERS);
    });
  }

  test("what the database does not know gets 404", async (begin) => {
    const { server, client } = await ask(begin, { snapshot: { answer: null } }, { stream: "job" });
    await assertAnswer(server, client, 404);
    assertHeaders(client, NO_STREAM_HEADERS);
  });

  test("a full registry that refuses says 503, and when to come back", async (begin) => {
    const limits: StageOptions = { registry: { maxConnections: 1, overload: "refuse" } };
    const { server, client: first, path } = await ask(begin, limits, { channel: "lobby" });
    const second = await server.get(path);
    assert.equal(await second.over(), "ended");
    assert.equal(second.status, 503);
    assert.equal(second.text, "");
    assert(Number(second.headers["retry-after"]) >= 5);
    assertHeaders(second, NO_STREAM_HEADERS);
    assert.equal(first.state, "open");
  });

  test("a full registry that drains says 200, and when to come back", async (begin) => {
    const { server, path } = await ask(begin, { registry: { maxConnections: 1 } }, { channel: "lobby" });
    const second = await server.get(path);
    assert.equal(await second.over(), "ended");
    assert.equal(second.status, 200);
    assert.match(second.text, /^event: stream\.drain\nretry: \d+\ndata: \{"reason":"busy"\}\n\n$/);
  });
}

async function ask(
  begin: Begin,
  options: StageOptions,
  route: Route,
): Promise<{ server: Server; client: Client; path: string }> {
  const server = await begin(options);
  const path = await server.serve(route);
  return { server, client: await server.get(path), path };
}

/** Checks that it is over, without a body, and that nothing was registered. */
async function assertAnswer(server: Server, client: Client, status: number): Promise<void> {
  assert.equal(await client.over(), "ended");
  assert.equal(client.status, status);
  assert.equal(client.text, "");
  const { opened, gauges } = await server.until(({ handling }) => assert.equal(handling, 0));
  assert.equal(opened, 0);
  assert.deepEqual([gauges.connections, gauges.waiting], [0, 0]);
}
