import type { Registry, RegistryOptions } from "@holdfast/core";
import { onTestFinished } from "vitest";
import type { Client } from "../../src/wire/client.ts";
import { type Http1Client, sendHttp1 } from "../../src/wire/http1.ts";
import type { Recorded } from "../support/recording-observer.ts";
import { testRegistry } from "../support/test-registry.ts";
import { type Proxy, type RunningProxy, runProxy, type Settings } from "./proxy.ts";
import { type RunningService, runService, type Service } from "./service.ts";

/** A service, a proxy in front of it, and clients; for one test. */
export interface ProxiedService {
  readonly registry: Registry;
  readonly recorded: Recorded;
  readonly service: RunningService;
  readonly proxy: RunningProxy;
  /** Sends a request through the proxy, over a new connection. */
  readonly send: (path: string, headers?: Readonly<Record<string, string>>, method?: string) => Http1Client;
  /** Disconnects another client when the test is finished. */
  readonly disconnectLater: <T extends Client>(client: T) => T;
}

export async function startProxiedService(
  proxy: Proxy,
  { create }: Service,
  options: RegistryOptions = {},
  settings: Settings = {},
): Promise<ProxiedService> {
  const { registry, recorded } = testRegistry(options);
  const service = await runService(create(registry));
  const running = await runProxy(proxy, service.port, settings);
  const clients: Client[] = [];
  onTestFinished(() => clients.forEach((client) => client.cut()));
  const disconnectLater: ProxiedService["disconnectLater"] = (client) => {
    clients.push(client);
    return client;
  };
  const send: ProxiedService["send"] = (path, headers = {}, method = "GET") =>
    disconnectLater(sendHttp1(running.port, { path, headers, method }));
  return { registry, recorded, service, proxy: running, send, disconnectLater };
}
