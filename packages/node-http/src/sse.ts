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
import { isClosed, type NodeResponse } from "./node-response.ts";
import { NodeSink } from "./node-sink.ts";

/** A request of `node:http`, `node:https` or `node:http2`, and of what stands on them. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** The arguments of `serve` for a request of Node: a description of it, and a function that begins the response. */
export interface NodeExchange {
  /** The first argument of `serve`. */
  readonly request: SseRequest;
  /** The second argument of `serve`. It begins the response. */
  readonly open: OpenSink;
}

/**
 * Serves a client of `node:http` or `node:http2`.
 *
 * @returns a promise that resolves when the response is over
 * @throws `INVALID_OPTION` (as a rejection), only before the response has begun
 *
 * @example
 * createServer((req, res) => sse(req, res, jobs.stream("42"))).listen(3000);
 */
export function sse(
  req: NodeRequest,
  res: NodeResponse,
  source: Source,
  options?: ServeOptions,
): Promise<void> {
  try {
    const { request, open } = toExchange(req, res);
    return serve(request, open, source, options);
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * For adapters of frameworks on `node:http` that must do something when the response begins. This call adds
 * listeners to the response, so pass its result to `serve` at once.
 *
 * @throws `INVALID_OPTION` when the response has already begun, and for arguments in the wrong order
 *
 * @example
 * const { request, open } = toExchange(req, res);
 * await serve(request, (...begin) => (beforeHeaders(), open(...begin)), source, options);
 */
export function toExchange(req: NodeRequest, res: NodeResponse): NodeExchange {
  checkArguments(req, res);
  if (res.headersSent && !isClosed(res)) {
    throw new HoldfastError("INVALID_OPTION", "`res` must be a response that has not begun.");
  }
  const sink = new NodeSink(res);
  return {
    // Own properties, so that an adapter may copy it; a copy has the signal itself.
    request: {
      method: req.method ?? "GET",
      cursor: readCursor(req.headers["last-event-id"]?.toString(), req.url ?? ""),
      client: sink,
      ready: sink.ready,
      acceptEncoding: req.httpVersion === "1.0" ? undefined : req.headers["accept-encoding"]?.toString(),
      url: req.url,
      body: (maxBytes) => readBody(req, maxBytes),
      get signal() {
        return sink.signal;
      },
    },
    open: (status, headers, events, whole) => sink.begin(status, headers, events, whole),
  };
}

/** The body as a parser has left it, or its text, or a little more than `maxBytes` of that. */
async function readBody(req: NodeRequest & { readonly body?: unknown }, maxBytes: number): Promise<unknown> {
  // Some parsers leave an empty object for a type that they do not know.
  if (req.readableDidRead) return req.body;
  let text = "";
  // Destroying the request would destroy the connection of the response.
  for await (const chunk of req.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.length > maxBytes) break;
  }
  return text;
}

/** Types find this, but not in JavaScript. */
function checkArguments(req: unknown, res: unknown): void {
  if (isResponse(res) && !isResponse(req)) return;
  const hint = isResponse(req)
    ? "The request comes first: `sse(req, res, source)`."
    : "`res` must be a response of `node:http`; for a `Request`, use `toResponse(request, source)`.";
  throw new HoldfastError("INVALID_OPTION", hint, { expose: false });
}

function isResponse(value: unknown): boolean {
  return typeof (Object(value) as { readonly writeHead?: unknown }).writeHead === "function";
}
