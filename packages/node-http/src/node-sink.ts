import type { ServerResponse } from "node:http";
import { constants, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import { HoldfastError, type Sink, type SinkEvents } from "@holdfast/core";
import { plainSocket, writeChunk } from "./chunk-writer.ts";

export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What compression makes of a response: it gathers what is written until it is asked not to. */
interface Gathering {
  readonly flush?: () => void;
}

/** One for all: to make an error for each response costs more than to serve it. */
const OVER = new HoldfastError("ABORTED", "The response is over.");

/**
 * Begins the response and writes to it.
 *
 * @param watched what {@link watch} gave for this response
 */
export function createNodeSink(
  res: NodeResponse,
  watched: Watched,
  status: number,
  headers: Record<string, string>,
  events: SinkEvents,
): Sink {
  const stream = streamOf(res);
  const drained = (): void => events.drained();
  const closed = (): void => events.closed();
  if (watched.signal.aborted) queueMicrotask(closed);
  else watched.onOver = closed;
  if (!isGone(res)) {
    // Of the response also over HTTP/2: what compresses has taken the place of its stream there.
    res.on("drain", drained);
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
      const taken = (res as ServerResponse).write(bytes);
      (res as Gathering).flush?.();
      return taken;
    },
    close() {
      if (!ended()) res.end();
    },
    destroy() {
      if (isGone(res)) return;
      // Another code, or none, and some clients take it for an end in order.
      stream?.close(constants.NGHTTP2_INTERNAL_ERROR);
      (stream ?? res).destroy();
      // Up to Node 22 a response that has no socket yet says nothing of it before its turn.
      if (stream === undefined && res.socket === null) watched.end();
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

/** A response that is watched until it is over, flushed or cut. */
export interface Watched {
  /** Aborts then. */
  readonly signal: AbortSignal;
  /** Called then, once; not if it is over already. */
  onOver: () => void;
  /** Says that it is over, for a response that does not. */
  readonly end: () => void;
}

export function watch(res: NodeResponse): Watched {
  const over = new AbortController();
  const { socket, req } = res as ServerResponse;
  const stream = streamOf(res);
  // A pipelined response has no socket before its turn. Up to Node 22 it does not hear that its connection is gone.
  const queuedOn = stream === undefined && socket === null ? req.socket : undefined;
  const end = (): void => {
    queuedOn?.off("close", end);
    if (over.signal.aborted) return;
    over.abort(OVER);
    watched.onOver();
  };
  const watched: Watched = { signal: over.signal, onOver: () => undefined, end };
  if (isGone(res)) end();
  else {
    (stream ?? res).once("close", end);
    queuedOn?.once("close", end);
  }
  return watched;
}

/** The stream of an HTTP/2 response. It alone tells that the response is over: that of a HEAD may say nothing. */
function streamOf(res: NodeResponse): ServerHttp2Stream | undefined {
  return "stream" in res ? res.stream : undefined;
}
