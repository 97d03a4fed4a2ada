import assert from "node:assert/strict";
import type { Route } from "../subject/route.ts";
import type { Suite } from "../harness/suite.ts";

/** An error before the response begins reaches the framework's error handler, which answers with 500. */
export function earlyErrors({ test }: Suite): void {
  const options = { heartbeat: -1 };
  const routes: [string, Route][] = [
    ["an invalid option for a live stream", { stream: "job", options }],
    ["an invalid option for a stream that does not exist", { stream: "missing", options }],
    ["an invalid option for a channel", { channel: "lobby", options }],
    ["an invalid option for a bare source", { bare: "quiet", options }],
    ["a value that is not a source", { invalid: "job" }],
  ];
  for (const [name, route] of routes) {
    test(`leaves ${name} to the error handler`, async (start) => {
      const server = await start();
      await server.open("job");
      const client = await server.get(await server.serve(route));
      assert.equal(await client.finished(), "ended");
      assert.equal(client.status, 500);
      assert.notEqual(client.headers["content-type"], "text/event-stream");
      const { opened, gauges, rejected } = await server.observed();
      assert.deepEqual(rejected, ["INVALID_OPTION"]);
      await server.clearFailures();
      assert.equal(opened, 0);
      assert.deepEqual([gauges.connections, gauges.waiting], [0, 0]);
    });
  }
}
