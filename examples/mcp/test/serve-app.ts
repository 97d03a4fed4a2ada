import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { createFakeClock, type FakeClock } from "@holdfast/core/testing";
import { createAdaptorServer } from "@hono/node-server";
import { onTestFinished } from "vitest";
import { type App, type AppOptions, createApp } from "../app.ts";

export interface ServedApp extends App {
  readonly url: URL;
  readonly clock: FakeClock;
  /** Destroys all connections, like a proxy that restarts. */
  readonly cutAll: () => void;
}

/** Serves the app over HTTP, with a fake clock, until the test is finished. */
export async function serveApp(options: AppOptions = {}): Promise<ServedApp> {
  const clock = createFakeClock();
  const served = createApp({ clock, ...options });
  const server = createAdaptorServer({ fetch: served.app.fetch }) as Server;
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(async () => {
    await served.close();
    cutAll();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { ...served, clock, cutAll, url: new URL(`http://127.0.0.1:${port}/mcp`) };
}
