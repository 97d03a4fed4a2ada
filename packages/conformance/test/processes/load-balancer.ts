import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import { onTestFinished } from "vitest";

export interface LoadBalancer {
  readonly port: number;
  /** The ports of the servers. */
  readonly backends: Set<number>;
}

/**
 * A reverse proxy that gives requests to the servers in turn, until the test is finished. A request that one refuses is sent to
 * the next, as nginx does by default. A response that breaks off is cut for the client, too.
 */
export async function startLoadBalancer(): Promise<LoadBalancer> {
  const backends = new Set<number>();
  let turn = 0;

  function forward(req: IncomingMessage, res: ServerResponse, ports: readonly number[]): void {
    const [port, ...others] = ports;
    if (port === undefined) return void res.writeHead(502).end();
    const { url: path, method, headers } = req;
    const forwarded = request({ port, path, method, headers, agent: false }, (response) => {
      res.writeHead(response.statusCode as number, response.headers);
      pipeline(response, res, () => undefined);
    });
    forwarded.on("error", () => (res.headersSent ? res.destroy() : forward(req, res, others)));
    res.on("close", () => void forwarded.destroy());
    forwarded.end();
  }

  const server = createServer((req, res) => {
    const ports = [...backends];
    turn++;
    forward(
      req,
      res,
      ports.map((_, index) => ports[(index + turn) % ports.length] as number),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, backends };
}
