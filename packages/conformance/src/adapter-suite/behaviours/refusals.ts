import assert from "node:assert/strict";
import type { Route } from "../../subject/stage.ts";
import type { Suite } from "../suite.ts";

/** What is thrown before the response began is for the framework's error handler, which answers with 500. */
export function refusals({ test }: Suite): void {
  const options = { heartbeat: -1 };
  const routes: [string, Route][] = [
    ["an invalid option for a live stream", { stream: "job", options }],
    ["an invalid option for a stream that does not exist", { stream: "nobody", options }],
    ["an invalid option for a channel", { channel: "lobby", options }],
    ["an invalid option for a bare source", { bare: "quiet", options }],
    ["what is no source", { nothing: "job" }],
  ];
  for (const [name, route] of routes) {
    test(name, async (begin) => {
      const server = await begin();
      await server.open("job");
      const client = await server.get(await server.serve(route));
      assert.equal(await client.over(), "ended");
      assert.equal(client.status, 500);
      assert.notEqual(client.headers["content-type"], "text/event-stream");
      // It was the framework that answered.
      const { opened, gauges, rejected } = await server.seen();
      assert.deepEqual(rejected, ["INVALID_OPTION"]);
      await server.forgive();
      assert.equal(opened, 0);
      assert.deepEqual([gauges.connections, gauges.waiting], [0, 0]);
    });
  }
}
