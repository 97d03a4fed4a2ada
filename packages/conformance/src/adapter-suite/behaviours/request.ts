import assert from "node:assert/strict";
import { untilBegun } from "../seam.ts";
import type { Suite } from "../suite.ts";

/** What core is told of a request. */
export function request({ test }: Suite): void {
  for (const method of ["GET", "HEAD", "POST"]) {
    test(`its method is the raw one: ${method}`, async (begin) => {
      const server = await begin();
      const path = await server.serve({ probe: "seam" });
      server.send(path, { method, ...(method === "POST" && { body: "hello" }) });
      await untilBegun(server);
      assert.equal((await server.probed("seam")).method, method);
      await server.over("seam", "close");
    });
  }

  const cursors: [string, object, string | undefined][] = [
    ["the header", { headers: { "last-event-id": "a.1" } }, "a.1"],
    ["the query", { path: "?lastEventId=b.2" }, "b.2"],
    ["the header before the query", { path: "?lastEventId=b.2", headers: { "last-event-id": "a.1" } }, "a.1"],
    [
      "the query when the header is empty",
      { path: "?lastEventId=b.2", headers: { "last-event-id": "" } },
      "b.2",
    ],
    ["nothing when both are empty", { path: "?lastEventId=", headers: { "last-event-id": "" } }, undefined],
    ["nothing", {}, undefined],
  ];
  for (const [name, sent, cursor] of cursors) {
    test(`its cursor is ${name}`, async (begin) => {
      const server = await begin();
      const path = await server.serve({ probe: "seam" });
      server.send(path, sent);
      await untilBegun(server);
      assert.equal((await server.probed("seam")).cursor, cursor);
    });
  }
}
