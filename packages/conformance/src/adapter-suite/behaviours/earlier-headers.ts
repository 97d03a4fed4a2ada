import assert from "node:assert/strict";
import type { ClientRequest } from "../../wire/client.ts";
import { TERMINAL_ID } from "../shapes.ts";
import type { Suite } from "../suite.ts";

/** Headers that middleware has set stay. */
export function earlierHeaders({ test, has }: Suite): void {
  if (!has("earlierHeaders")) return;
  const requests: [string, ClientRequest][] = [
    ["a stream", {}],
    ["a 204", { headers: { "last-event-id": TERMINAL_ID } }],
    ["HEAD", { method: "HEAD" }],
  ];
  for (const [name, request] of requests) {
    test(`on the answer to ${name}`, async (begin) => {
      const server = await begin();
      const path = await server.serve({
        stream: "later",
        earlier: [
          ["access-control-allow-origin", "https://example.com"],
          ["set-cookie", "a=1; Path=/"],
          ["set-cookie", "b=2; Path=/"],
          ["cache-control", "public, max-age=3600"],
        ],
      });
      const { headers, status } = await server.get(path, request);
      assert.equal(headers["access-control-allow-origin"], "https://example.com");
      assert.equal(headers["set-cookie"], "a=1; Path=/, b=2; Path=/");
      // Ours: a stream must not be kept by anybody.
      assert.equal(headers["cache-control"], status === 204 ? "no-store" : "no-cache, no-transform");
    });
  }
}
