import type { ServerResponse } from "node:http";
import { constants, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import { HoldfastError, type Sink, type SinkEvents } from "@holdfast/core";
import { plainSocket, writeChunk } from "./chunk-writer.ts";

export type NodeResponse = ServerResponse | Http2ServerResponse;

/** One for all: to make an error for each response costs more than to serve it. */
const OVER = new HoldfastError("ABORTED", "The response is over.");

/**
 * Begins the response and writes to it.
 *
 * @param over what {@link overSignal} gave for this response
 */
export function createNodeSink(
  res: NodeResponse,
  over: AbortSignal,
  status: number,
  headers: Record<string, string>,
  events: SinkEvents,
): Sink {
  const stream = streamOf(res);
  const drained = (): void => events.drained();
  if (over.aborted) queueMicrotask(() => events.closed());
  else over.addEventListener("abort", () => events.closed(), { once: true });
  if (!isGone(res)) {
    (stream ?? res).on("drain", drained);
    // Without a message: HTTP/2 has none.
    (res as ServerResponse).writeHead(status, headers);
  }
  const ended = (): boolean => res.writableEnded || isGone(res);
  let begun = false;
  return {
    write(bytes) {
      if (ended()) return false;
      const socket = begun && stream === undefined ? plainSocket(res as ServerResponse, bytes) : undefined;
      if (socket !== undefined) return writeChunk(socket, bytes, drained);
      begun = true;
      return (res as ServerResponse).write(bytes);
    },
    close() {
      if (!ended()) res.end();
    },
    destroy() {
      if (isGone(res)) return;
      // Another code, or none, and some clients take it for an end in order.
      stream?.close(constants.NGHTTP2_INTERNAL_ERROR);
      (stream ?? res).destroy();
    },
  };
}

/** Whether the response is over, or the peer has left. */
export function isGone(res: NodeResponse): boolean {
  const stream = streamOf(res);
  if (stream !== undefined) return stream.closed;
  const { destroyed, socket, req } = res as ServerResponse;
  return destroyed || (socket === null && req.socket.destroyed);
}

/** Aborts when the response is over, flushed or cut. */
export function overSignal(res: NodeResponse): AbortSignal {
  const over = new AbortController();
  const { socket, req } = res as ServerResponse;
  const stream = streamOf(res);
  // A pipelined response has no socket before its turn. Up to Node 22 it does not hear that its connection is gone.
  const queuedOn = stream === undefined && socket === null ? req.socket : undefined;
  const abort = (): void => {
    queuedOn?.off("close", abort);
    over.abort(OVER);
  };
  if (isGone(res)) abort();
  else {
    (stream ?? res).once("close", abort);
    queuedOn?.once("close", abort);
  }
  return over.signal;
}

/** The stream of an HTTP/2 response. It alone tells that the response is over: that of a HEAD may say nothing. */
function streamOf(res: NodeResponse): ServerHttp2Stream | undefined {
  return "stream" in res ? res.stream : undefined;
}
