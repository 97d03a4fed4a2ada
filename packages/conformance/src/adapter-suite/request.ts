import assert from "node:assert/strict";
import { SINK, untilResponseBegan } from "../harness/raw-sink.ts";
import type { Suite } from "../harness/suite.ts";

/** An id that no holdfast server would send; it is for core to say so. */
const FOREIGN_ID = `A%2E1 &+=?${"x".repeat(64)}`;

/** What the adapter passes to core of a request. */
export function request({ test }: Suite): void {
  for (const method of ["GET", "HEAD", "POST"]) {
    test(`passes the method to core as it was sent: ${method}`, async (start) => {
      const server = await start();
      const path = await server.serve({ sink: SINK });
      server.send(path, { method, ...(method === "POST" && { body: "hello" }) });
      await untilResponseBegan(server);
      assert.equal((await server.sinkState(SINK)).method, method);
      await server.endSink(SINK, "close");
    });
  }

  const cursors: [string, object, string | undefined][] = [
    ["takes the cursor from the header", { headers: { "last-event-id": "a.1" } }, "a.1"],
    ["takes the cursor from the query", { path: "?lastEventId=b.2" }, "b.2"],
    [
      "prefers the cursor in the header to that in the query",
      { path: "?lastEventId=b.2", headers: { "last-event-id": "a.1" } },
      "a.1",
    ],
    [
      "takes the cursor from the query when the header is empty",
      { path: "?lastEventId=b.2", headers: { "last-event-id": "" } },
      "b.2",
    ],
    [
      "has no cursor when header and query are empty",
      { path: "?lastEventId=", headers: { "last-event-id": "" } },
      undefined,
    ],
    ["has no cursor without header and query", {}, undefined],
    [
      "passes on the cursor in the header unchanged, whatever it contains",
      { headers: { "last-event-id": FOREIGN_ID } },
      FOREIGN_ID,
    ],
    [
      "decodes the cursor in the query once, whatever it contains",
      { path: `?lastEventId=${encodeURIComponent(FOREIGN_ID)}` },
      FOREIGN_ID,
    ],
    ["takes the first of two cursors in the query", { path: "?a=1&lastEventId=b.2&lastEventId=c.3" }, "b.2"],
    [
      "ignores query parameters with similar names",
      { path: "?xlastEventId=b.2&lastEventIds=b.2&last-event-id=b.2&lasteventid=b.2" },
      undefined,
    ],
    [
      "takes the cursor from the header of a POST",
      { method: "POST", body: "hello", headers: { "last-event-id": "a.1" } },
      "a.1",
    ],
  ];
  for (const [name, sent, cursor] of cursors) {
    test(name, async (start) => {
      const server = await start();
      const path = await server.serve({ sink: SINK });
      server.send(path, sent);
      await untilResponseBegan(server);
      assert.equal((await server.sinkState(SINK)).cursor, cursor);
    });
  }
}
