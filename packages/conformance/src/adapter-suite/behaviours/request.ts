import assert from "node:assert/strict";
import { untilBegun } from "../seam.ts";
import type { Suite } from "../suite.ts";

/** No id of ours, which core is to say. */
const STRANGE = `A%2E1 &+=?${"x".repeat(64)}`;

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
    ["the header, whatever it says", { headers: { "last-event-id": STRANGE } }, STRANGE],
    [
      "the query, decoded once, whatever it says",
      { path: `?lastEventId=${encodeURIComponent(STRANGE)}` },
      STRANGE,
    ],
    ["the first of two in the query", { path: "?a=1&lastEventId=b.2&lastEventId=c.3" }, "b.2"],
    [
      "nothing when the query has other names",
      { path: "?xlastEventId=b.2&lastEventIds=b.2&last-event-id=b.2&lasteventid=b.2" },
      undefined,
    ],
    ["the header of a POST", { method: "POST", body: "hello", headers: { "last-event-id": "a.1" } }, "a.1"],
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
