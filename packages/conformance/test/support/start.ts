import type { AdapterUnderTest, Exchange } from "@holdfast/conformance";
import type { ServeOptions, Source } from "@holdfast/core";
import { expect, onTestFinished } from "vitest";
import type { Client, ClientRequest } from "../../src/wire/client.ts";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";

/** A server of one test, with its clients, over HTTP/1.1. */
export interface Server {
  readonly port: number;
  /** Sends a request, and waits for status and headers. */
  get(request?: ClientRequest): Promise<Client>;
  /** Sends a request. */
  send(request?: ClientRequest): Client;
}

/**
 * Starts a server that handles every request so. Whatever the test did, when its clients have gone every call of the
 * adapter comes to its end.
 */
async function start(
  adapter: AdapterUnderTest,
  handle: (exchange: Exchange) => Promise<unknown>,
): Promise<Server> {
  let handling = 0;
  const sent: Client[] = [];
  const { port, close } = await adapter.start(async (exchange) => {
    handling++;
    try {
      return await handle(exchange);
    } finally {
      handling--;
    }
  });
  const server: Server = {
    port,
    get: (request) => server.send(request).answered(),
    send(request = {}) {
      const client = sendHttp1(port, request);
      sent.push(client);
      return client;
    },
  };
  onTestFinished(async () => {
    for (const client of sent) client.cut();
    await eventually(() => expect(handling).toBe(0));
    await close();
  });
  return server;
}

/** Starts a server that answers every request with what this gives. */
export function serving(
  adapter: AdapterUnderTest,
  source: () => Source,
  options?: ServeOptions,
): Promise<Server> {
  return start(adapter, ({ sse }) => sse(source(), options));
}
