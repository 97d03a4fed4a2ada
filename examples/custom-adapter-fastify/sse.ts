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

/** Serves a client of Fastify over HTTP/1.1. Resolves when the response is over; rejects only before it has begun. */
export function sse(
  { raw: req, body }: FastifyRequest,
  reply: FastifyReply,
  source: Source,
  options?: ServeOptions,
): Promise<void> {
  const res = reply.raw;
  const request = {
    method: req.method ?? "GET",
    cursor: readCursor(req.headers["last-event-id"]?.toString(), req.url ?? ""),
    signal: signalOf(res),
    ready: turnOf(res),
    url: req.url,
    body: async () => body,
  };
  return serve(
    request,
    (status, headers, events) => {
      // Fastify sends the headers that hooks have set with its own reply, so write them here.
      res.writeHead(status, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...headers });
      reply.hijack();
      return sinkOf(res, events);
    },
    source,
    options,
  );
}

/** Aborts when the response is over, also because the client has disconnected; at once if it did so during a hook. */
function signalOf(res: ServerResponse): AbortSignal {
  const over = new AbortController();
  if (res.destroyed) over.abort();
  else res.once("close", () => over.abort());
  return over.signal;
}

/** When a pipelined request may be admitted: its response has no socket before its turn. */
function turnOf(res: ServerResponse): Promise<void> | undefined {
  if (res.socket !== null || res.destroyed) return undefined;
  return new Promise((resolve) => {
    res.once("socket", () => resolve());
    res.once("close", () => resolve());
  });
}

function sinkOf(res: ServerResponse, events: SinkEvents): Sink {
  let isCut = false;
  const isOver = (): boolean => isCut || res.writableEnded || res.destroyed;
  res.on("drain", () => events.drained());
  // `close` is emitted once, after a flush or a cut. If that was earlier, core still needs its sink first.
  if (res.destroyed) queueMicrotask(() => events.closed());
  else res.once("close", () => events.closed());
  return {
    // A write after the end would be an error.
    write: (bytes) => !isOver() && res.write(bytes),
    close() {
      if (!isOver()) res.end();
    },
    // A FIN without the last chunk: the client sees that the response is incomplete. Chromium drops what it has not read by
    // then, so it comes a little later.
    cut() {
      if (isOver()) return;
      isCut = true;
      setTimeout(() => res.socket?.end(), 100);
    },
    destroy() {
      res.destroy();
    },
  };
}
