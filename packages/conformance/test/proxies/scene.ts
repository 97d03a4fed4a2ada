import type { Registry, RegistryOptions } from "@holdfast/core";
import { onTestFinished } from "vitest";
import type { Client } from "../../src/wire/client.ts";
import { type Http1Client, sendHttp1 } from "../../src/wire/http1.ts";
import type { Watch } from "../support/watch.ts";
import { watchedRegistry } from "../support/watched-registry.ts";
import { type App, type RunningApp, runApp } from "./app.ts";
import { type Proxy, type RunningProxy, runProxy, type Settings } from "./proxy.ts";

/** A service, the proxy before it, and clients; for one test. */
export interface Scene {
  readonly registry: Registry;
  readonly watch: Watch;
  readonly app: RunningApp;
  readonly proxy: RunningProxy;
  /** Sends a request through the proxy, over a connection of its own. */
  readonly send: (path: string, headers?: Readonly<Record<string, string>>, method?: string) => Http1Client;
  /** Has another client leave at the end. */
  readonly see: <T extends Client>(client: T) => T;
}

export async function setScene(
  proxy: Proxy,
  { create }: App,
  options: RegistryOptions = {},
  settings: Settings = {},
): Promise<Scene> {
  const { registry, watch } = watchedRegistry(options);
  const app = await runApp(create(registry));
  const running = await runProxy(proxy, app.port, settings);
  const clients: Client[] = [];
  onTestFinished(() => clients.forEach((client) => client.cut()));
  const see: Scene["see"] = (client) => {
    clients.push(client);
    return client;
  };
  const send: Scene["send"] = (path, headers = {}, method = "GET") =>
    see(sendHttp1(running.port, { path, headers, method }));
  return { registry, watch, app, proxy: running, send, see };
}
