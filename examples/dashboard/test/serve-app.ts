import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { onTestFinished } from "vitest";
import { createApp } from "../app.ts";

/** Serves the demo until the test is finished. Returns its URL. */
export async function serveApp(): Promise<string> {
  const { app, close } = createApp({ interval: 20 });
  const { promise, resolve } = Promise.withResolvers<AddressInfo>();
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, resolve) as Server;
  onTestFinished(async () => {
    const closed = close();
    server.close();
    server.closeAllConnections();
    await closed;
  });
  return `http://127.0.0.1:${(await promise).port}`;
}
