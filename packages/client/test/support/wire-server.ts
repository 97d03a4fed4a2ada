import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface WireServer {
  readonly url: string;
  /** The requests, in the order they came. */
  readonly requests: readonly IncomingMessage[];
}

/** A real server on a free port, until the test is finished. */
export async function listen(
  answer: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<WireServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    requests.push(req);
    answer(req, res);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/stream`, requests };
}
