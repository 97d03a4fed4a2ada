import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import {
  HoldfastError,
  type OpenSink,
  readCursor,
  serve,
  type ServeOptions,
  type Source,
  type SseRequest,
} from "@holdfast/core";
import { createNodeSink, isGone, type NodeResponse, watch } from "./node-sink.ts";

export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** What `serve` of core wants to know of a request, and to begin its response by. */
export interface NodeExchange {
  readonly request: SseRequest;
  readonly open: OpenSink;
}

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
  const { request, open } = toExchange(req, res);
  return serve(request, open, source, options);
}

/**
 * For the adapter of a framework that stands on `node:http` and has something to do when the response begins. From this
 * call on the response is watched: hand both to `serve` at once.
 *
 * @throws `INVALID_OPTION` when the response has begun
 *
 * @example
 * const { request, open } = toExchange(req, res);
 * await serve(request, (...begin) => (beforeHeaders(), open(...begin)), source, options);
 */
export function toExchange(req: NodeRequest, res: NodeResponse): NodeExchange {
  if (res.headersSent && !isGone(res)) {
    throw new HoldfastError("INVALID_OPTION", "`res` must be a response that has not begun.");
  }
  const watched = watch(res);
  return {
    request: {
      method: req.method ?? "GET",
      cursor: readCursor(req.headers["last-event-id"]?.toString(), req.url ?? ""),
      signal: watched.signal,
    },
    open: (status, headers, events) => createNodeSink(res, watched, status, headers, events),
  };
}
