import assert from "node:assert/strict";
import type { Route } from "../subject/route.ts";
import { framesOf } from "../wire/frames.ts";
import type { Suite } from "../harness/suite.ts";

/** Comments keep a quiet response alive, and detect that a client has gone. */
export function heartbeats({ test }: Suite): void {
  const routes: [string, Route][] = [
    ["on an idle stream", { stream: "job" }],
    ["to a client that waits for its stream", { stream: "later" }],
    ["on a quiet bare source", { bare: "quiet", options: { heartbeat: 20 } }],
  ];
  for (const [name, route] of routes) {
    test(`sends them ${name}`, async (start) => {
      const server = await start({ registry: { heartbeat: 20 } });
      await server.open("job");
      const client = await server.get(await server.serve(route));
      await client.until("\n\n:\n\n:\n\n:\n\n");
      assert.deepEqual(framesOf(client.text).at(-1), { comment: "" });
    });
  }

  test("detects a closed connection by them", async (start) => {
    const server = await start({ registry: { heartbeat: 20 } });
    await server.open("job");
    const client = await server.get(await server.serve({ stream: "job" }));
    await client.until("event: stream.live");
    client.cut();
    const { closed } = await server.until(({ gauges }) => assert.equal(gauges.connections, 0));
    assert.equal(closed[0]?.reason, "disconnected");
  });
}
