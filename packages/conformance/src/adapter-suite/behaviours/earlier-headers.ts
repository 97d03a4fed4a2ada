import assert from "node:assert/strict";
import type { ClientRequest } from "../../wire/client.ts";
import type { Route } from "../../subject/stage.ts";
import { TERMINAL_ID } from "../shapes.ts";
import type { Suite } from "../suite.ts";

/** Headers that middleware has set stay. */
export function earlierHeaders({ test, has }: Suite): void {
  if (!has("earlierHeaders")) return;
  const later: Route = { stream: "later" };
  const requests: [string, Route, ClientRequest][] = [
    ["a stream", later, {}],
    ["a 204", later, { headers: { "last-event-id": TERMINAL_ID } }],
    ["a 404", { stream: "" }, {}],
    ["HEAD", later, { method: "HEAD" }],
  ];
  for (const [name, route, request] of requests) {
    test(`on the answer to ${name}`, async (begin) => {
      const server = await begin();
      const path = await server.serve({
        ...route,
        earlier: [
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
      // Ours: a stream must not be kept by anybody, nor be taken for something else.
      assert.equal(headers["cache-control"], status === 200 ? "no-cache, no-transform" : "no-store");
      if (status === 200) assert.equal(headers["content-type"], "text/event-stream");
    });
  }
}
