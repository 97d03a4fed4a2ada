import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import {
  readCursor,
  serve,
  type ServeOptions,
  type Sink,
  type SinkEvents,
  type Source,
} from "@holdfast/core";
import type { FastifyReply, FastifyRequest } from "fastify";

/** Serves a client of Fastify over HTTP/1.1. Resolves when the response is over; rejects only before it began. */
export function sse(
  { raw: req }: FastifyRequest,
  reply: FastifyReply,
  source: Source,
  options?: ServeOptions,
): Promise<void> {
  const request = {
    method: req.method ?? "GET",
    cursor: readCursor(req.headers["last-event-id"]?.toString(), req.url ?? ""),
    signal: signalOf(reply.raw),
  };
  return serve(
    request,
    (status, headers, events) => {
      reply.raw.writeHead(status, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...headers });
      reply.hijack();
      return sinkOf(reply.raw, events);
    },
    source,
    options,
  );
}

/** Aborts when the response is over, and so when the client has left. */
function signalOf(res: ServerResponse): AbortSignal {
  const over = new AbortController();
  if (res.destroyed) over.abort();
  else res.once("close", () => over.abort());
  return over.signal;
}

function sinkOf(res: ServerResponse, events: SinkEvents): Sink {
  const isOver = (): boolean => res.writableEnded || res.destroyed;
  res.on("drain", () => events.drained());
  if (res.destroyed) queueMicrotask(() => events.closed());
  else res.once("close", () => events.closed());
  return {
    write: (bytes) => !isOver() && res.write(bytes),
    close() {
      if (!isOver()) res.end();
    },
    destroy() {
      res.destroy();
    },
  };
}
