import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type ServeOptions, sse, type Source } from "@holdfast/node-http";
import { onTestFinished } from "vitest";

/** A page of the same origin, with nothing in it. */
export const BLANK = "/blank";

export interface Origin {
  readonly port: number;
  /** The `Last-Event-ID` of every request, in the order in which they came. */
  readonly cursors: readonly (string | undefined)[];
  close(): Promise<void>;
}

/** Serves every request with a source, until the test is finished. */
export async function openOrigin(source: () => Source, options?: ServeOptions, port = 0): Promise<Origin> {
  const cursors: (string | undefined)[] = [];
  const server = createServer((req, res) => {
    if (req.url === BLANK) {
      // With an icon of its own a browser asks for no other.
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
