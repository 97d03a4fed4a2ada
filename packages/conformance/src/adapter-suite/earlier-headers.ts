import assert from "node:assert/strict";
import type { ClientRequest } from "../wire/client.ts";
import type { Route } from "../subject/route.ts";
import { TERMINAL_ID } from "../harness/expectations.ts";
import type { Suite } from "../harness/suite.ts";

/** Headers that middleware has set are kept. */
export function earlierHeaders({ test, has }: Suite): void {
  if (!has("earlierHeaders")) return;
  const waiting: Route = { stream: "later" };
  const requests: [string, Route, ClientRequest][] = [
    ["a stream", waiting, {}],
    ["a 204", waiting, { headers: { "last-event-id": TERMINAL_ID } }],
    ["a 404", { stream: "" }, {}],
    ["HEAD", waiting, { method: "HEAD" }],
  ];
  for (const [name, route, request] of requests) {
    test(`keeps them in the response: ${name}`, async (start) => {
      const server = await start();
      const path = await server.serve({
        ...route,
        earlierHeaders: [
          ["access-control-allow-origin", "https://example.com"],
          ["set-cookie", "a=1; Path=/"],
          ["set-cookie", "b=2; Path=/"],
          ["Cache-Control", "public, max-age=3600"],
          ["content-type", "application/json"],
        ],
      });
      const { headers, status } = await server.get(path, request);
      assert.equal(headers["access-control-allow-origin"], "https://example.com");
      assert.equal(headers["set-cookie"], "a=1; Path=/, b=2; Path=/");
      // These two are core's: a stream must not be cached, nor be taken for another type.
      assert.equal(headers["cache-control"], status === 200 ? "no-cache, no-transform" : "no-store");
      if (status === 200) assert.equal(headers["content-type"], "text/event-stream");
    });
  }
}
