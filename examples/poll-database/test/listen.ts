import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Express } from "express";
import { onTestFinished } from "vitest";

export interface Listening {
  readonly url: string;
  /** Cuts every connection, like a network failure. */
  cutAll(): void;
}

/** Serves an app over HTTP until the test is finished. */
export async function listen(app: Express, close?: () => Promise<void>): Promise<Listening> {
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cutAll = (): void => server.closeAllConnections();
  onTestFinished(async () => {
    await close?.();
    server.close();
    cutAll();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cutAll };
}
