import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { HoldfastError, readCursor, serve, type ServeOptions, type Source } from "@holdfast/core";
import { createNodeSink, isGone } from "./node-sink.ts";

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/**
 * Serves a client of `node:http` or `node:http2`.
 *
 * @returns a promise that resolves when the response is over
 * @throws `INVALID_OPTION` (as a rejection), only before the response began
 *
 * @example
 * createServer((req, res) => sse(req, res, jobs.stream("42"))).listen(3000);
 */
export async function sse(
  req: NodeRequest,
  res: NodeResponse,
  source: Source,
  options?: ServeOptions,
): Promise<void> {
  if (res.headersSent && !isGone(res)) {
    throw new HoldfastError("INVALID_OPTION", "`res` must be a response that has not begun.");
  }
  const peer = new AbortController();
  res.once("close", () => peer.abort());
  if (isGone(res)) peer.abort();
  const request = {
    method: req.method ?? "GET",
    cursor: readCursor(req.headers["last-event-id"]?.toString(), req.url ?? ""),
    signal: peer.signal,
  };
  await serve(
    request,
    (status, headers, events) => createNodeSink(res, status, headers, events),
    source,
    options,
  );
}
