import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { Registry } from "@holdfast/hono";
import { onTestFinished } from "vitest";
import { type AppOptions, createApp } from "../app.ts";
import type { JobEvents } from "../events.ts";

export interface ServedApp {
  readonly url: string;
  readonly jobs: Registry<JobEvents>;
  /** Cuts every connection, like a network failure. */
  cutAll(): void;
}

/** Serves the app over HTTP until the test is finished. `progress` events do not depend on the time. */
export async function serveApp(options: AppOptions): Promise<ServedApp> {
  const { app, jobs } = createApp({ interval: Infinity, ...options });
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
  const cutAll = (): void => {
    if ("closeAllConnections" in server) server.closeAllConnections();
  };
  if (!server.listening) await once(server, "listening");
  onTestFinished(async () => {
    await jobs.close({ deadline: 0 });
    server.close();
    cutAll();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, jobs, cutAll };
}
