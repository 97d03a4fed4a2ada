import assert from "node:assert/strict";
import type { Route } from "../../subject/stage.ts";
import { framesOf } from "../../wire/frames.ts";
import { SOON } from "../leavings.ts";
import type { Suite } from "../suite.ts";

/** A quiet response is kept alive by comments, and a client that is no longer there is missed. */
export function heartbeats({ test }: Suite): void {
  const routes: [string, Route][] = [
    ["on an idle stream", { stream: "job" }],
    ["to a client that waits for its stream", { stream: "later" }],
    ["on a quiet bare source", { bare: "quiet", options: { heartbeat: 20 } }],
  ];
  for (const [name, route] of routes) {
    test(name, async (begin) => {
      const server = await begin({ registry: { heartbeat: 20 } });
      await server.open("job");
      const client = await server.get(await server.serve(route));
      await client.until("\n\n:\n\n:\n\n:\n\n");
      assert.deepEqual(framesOf(client.text).at(-1), { comment: "" });
    });
  }

  test("find out who has closed the connection", async (begin) => {
    const server = await begin({ registry: { heartbeat: 20 } });
    await server.open("job");
    const client = await server.get(await server.serve({ stream: "job" }));
    await client.until("event: stream.live");
    client.cut();
    const { closed } = await server.until(({ gauges }) => assert.equal(gauges.connections, 0), SOON);
    assert.equal(closed[0]?.reason, "disconnected");
  });
}
