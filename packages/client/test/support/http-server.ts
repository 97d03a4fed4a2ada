import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface HttpServer {
  readonly url: string;
  /** In the order they arrived. */
  readonly requests: readonly IncomingMessage[];
}

/** Starts a real server on a free port, until the test is finished. */
export async function startHttpServer(
  respond: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<HttpServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    requests.push(req);
    respond(req, res);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/stream`, requests };
}
