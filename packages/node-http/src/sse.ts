import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { HoldfastError, readCursor, serve, type ServeOptions, type Source } from "@holdfast/core";
import { createNodeSink, isGone, type NodeResponse, watch } from "./node-sink.ts";

export type NodeRequest = IncomingMessage | Http2ServerRequest;

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
  const watched = watch(res);
  const request = {
    method: req.method ?? "GET",
    cursor: readCursor(req.headers["last-event-id"]?.toString(), req.url ?? ""),
    signal: watched.signal,
  };
  return serve(
    request,
    (status, headers, events) => createNodeSink(res, watched, status, headers, events),
    source,
    options,
  );
}
