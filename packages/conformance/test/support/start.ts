import type { ServeOptions, Source } from "@holdfast/core";
import { expect, onTestFinished } from "vitest";
import type { Adapter, Exchange, Outbox } from "../adapters/adapter.ts";
import type { Client, ClientRequest } from "../clients/client.ts";
import { eventually } from "./eventually.ts";

/** A server of one test, with its clients. */
export interface Server {
  /** Where it listens to clients of HTTP/1.1. */
  readonly port: number;
  /** How many requests are being handled. */
  readonly handling: number;
  /** Sends a request, and waits for status and headers. */
  get(request?: ClientRequest): Promise<Client>;
  /** Sends a request. */
  send(request?: ClientRequest): Client;
  /** How many clients its transport knows of. */
  clients(): number;
  /** What a client has not taken. */
  outbox(client: Client): Outbox;
}

export interface StartOptions {
  /** Headers that are set before the adapter is called. */
  readonly earlier?: readonly (readonly [name: string, value: string])[];
}

/**
 * Starts a server that handles every request so. Whatever the test did, when its clients have gone every call of the
 * adapter comes to its end.
 */
export async function start(
  adapter: Adapter,
  handle: (exchange: Exchange) => Promise<unknown>,
  { earlier = [] }: StartOptions = {},
): Promise<Server> {
  let handling = 0;
  const sent: Client[] = [];
  const listening = await adapter.listen(async (exchange) => {
    handling++;
    try {
      return await handle(exchange);
    } finally {
      handling--;
    }
  }, earlier);
  const server: Server = {
    port: listening.port,
    get handling() {
      return handling;
    },
    get: (request) => server.send(request).answered(),
    send(request = {}) {
      const client = listening.send(request);
      sent.push(client);
      return client;
    },
    clients: () => listening.clients(),
    outbox: (client) => listening.outbox(client),
  };
  onTestFinished(async () => {
    for (const client of sent) client.cut();
    await eventually(() => expect(handling).toBe(0));
    await listening.close();
  });
  return server;
}

/** Starts a server that answers every request with the same source, or with what a function of the request says. */
export function serving(adapter: Adapter, source: () => Source, options?: ServeOptions): Promise<Server> {
  return start(adapter, ({ sse }) => sse(source(), options));
}
