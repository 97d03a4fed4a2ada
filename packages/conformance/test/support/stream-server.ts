import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type ServeOptions, sse } from "@holdfast/node-http";
import type { Source } from "@holdfast/core";
import { onTestFinished } from "vitest";

/** The path of an empty page of the same origin. */
export const BLANK = "/blank";

export interface StreamServer {
  readonly port: number;
  /** The `Last-Event-ID` of each request, in the order in which they arrived. */
  readonly cursors: readonly (string | undefined)[];
  close(): Promise<void>;
}

/** Serves every request with the source that `source` returns, until the test is finished. */
export async function startStreamServer(
  source: () => Source,
  options?: ServeOptions,
  port = 0,
): Promise<StreamServer> {
  const cursors: (string | undefined)[] = [];
  const server = createServer((req, res) => {
    if (req.url === BLANK) {
      // With an icon in the page, a browser does not request one.
      res.setHeader("content-type", "text/html").end(`<link rel="icon" href="data:,">`);
      return;
    }
    cursors.push(req.headers["last-event-id"]?.toString());
    void sse(req, res, source(), options);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  onTestFinished(close);
  return { port: (server.address() as AddressInfo).port, cursors, close };
}
