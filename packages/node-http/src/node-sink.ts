import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Duplex, Transform } from "node:stream";
import { constants, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import { HoldfastError, type Sink, type SinkEvents } from "@holdfast/core";
import { fastPathSocket, writeChunk } from "./chunk-writer.ts";

/** A response of `node:http`, `node:https` or `node:http2`, and of what stands on them. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** A response behind compression middleware, which buffers what is written until `flush` is called. */
interface BufferingResponse {
  readonly flush?: () => void;
}

/** Shared by all responses: creating an error for each would cost more than serving the response. */
const RESPONSE_OVER = new HoldfastError("ABORTED", "The response is over.");

/** Chromium drops what it has not read when a response fails: a cut comes so many ms after everything else. */
const CUT_DELAY = 100;

/**
 * Begins the response and returns a sink that writes to it.
 *
 * @param watched the result of {@link watchResponse} for this response
 */
export function createNodeSink(
  res: NodeResponse,
  watched: WatchedResponse,
  status: number,
  headers: Record<string, string>,
  events: SinkEvents,
): Sink {
  const stream = streamOf(res);
  const drained = (): void => events.drained();
  const closed = (): void => events.closed();
  if (watched.signal.aborted) queueMicrotask(closed);
  else watched.onOver = closed;
  if (!isClosed(res)) {
    // On the response, also over HTTP/2: compression middleware redirects this listener to its own stream.
    res.on("drain", drained);
    // Without a status message, because HTTP/2 has none.
    (res as ServerResponse).writeHead(status, headers);
  }
  let isCut = false;
  const ended = (): boolean => isCut || res.writableEnded || isClosed(res);
  let begun = false;
  return {
    write(bytes) {
      if (ended()) return false;
      const socket = begun && stream === undefined ? fastPathSocket(res as ServerResponse, bytes) : undefined;
      if (socket !== undefined) return writeChunk(socket, bytes, drained);
      begun = true;
      const canWriteMore = (res as ServerResponse).write(bytes);
      (res as BufferingResponse).flush?.();
      return canWriteMore;
    },
    close() {
      if (!ended()) res.end();
    },
    cut() {
      if (ended()) return;
      isCut = true;
      afterCompression(res, () =>
        stream === undefined ? halfClose(res as ServerResponse) : resetStream(stream),
      );
    },
    destroy() {
      if (isClosed(res)) return;
      // With another code, or without one, some clients take the cut for a normal end.
      stream?.close(constants.NGHTTP2_INTERNAL_ERROR);
      (stream ?? res).destroy();
      // Up to Node 22, a response that has no socket yet does not emit `close`.
      if (stream === undefined && res.socket === null) watched.end();
    },
  };
}

/** Calls `cut` when compression middleware, if there is any, has passed on everything that was written. */
function afterCompression(res: NodeResponse, cut: () => void): void {
  // Such middleware redirects this listener to its own stream, which is the only way to find that stream.
  const compressor: unknown = res.on("drain", () => undefined);
  if (!(compressor instanceof Transform)) return cut();
  const cutWhenRead = (): void => {
    if (compressor.readableLength > 0) return;
    compressor.off("data", cutWhenRead);
    cut();
  };
  compressor.write("", () => {
    compressor.on("data", cutWhenRead);
    cutWhenRead();
  });
}

/** Sends a FIN without the last chunk (RFC 9112, 8). A pipelined response waits for its turn. */
function halfClose(res: ServerResponse): void {
  res.flushHeaders();
  const cut = (socket: Socket): void => cutWhenFlushed(socket, () => socket.end());
  if (res.socket !== null) cut(res.socket);
  // The response writes what it has buffered after this event.
  else res.once("socket", (socket: Socket) => queueMicrotask(() => cut(socket)));
}

function resetStream(stream: ServerHttp2Stream): void {
  cutWhenFlushed(stream, () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
}

/** Calls `cut` behind everything written: a RST_STREAM would overtake what is queued. */
function cutWhenFlushed(stream: Duplex, cut: () => void): void {
  const cutLater = (): void => void setTimeout(cut, CUT_DELAY);
  if (stream.writableLength === 0) cutLater();
  else stream.write("", cutLater);
}

/** Whether the response is over or the client has disconnected. */
export function isClosed(res: NodeResponse): boolean {
  const stream = streamOf(res);
  if (stream !== undefined) return stream.closed;
  const { destroyed, socket, req } = res as ServerResponse;
  return destroyed || (socket === null && req.socket.destroyed);
}

/** Reports when a response is over, flushed or cut. */
export interface WatchedResponse {
  /** Aborts when the response is over. */
  readonly signal: AbortSignal;
  /** Called once when the response is over, but not if it was over from the beginning. */
  onOver: () => void;
  /** Marks the response as over, for a response that does not emit `close`. */
  readonly end: () => void;
}

export function watchResponse(res: NodeResponse): WatchedResponse {
  const over = new AbortController();
  const { socket, req } = res as ServerResponse;
  const stream = streamOf(res);
  // A pipelined response has no socket before its turn, and up to Node 22 it does not emit `close` before that. So the
  // socket of the request is watched.
  const waitsOn = stream === undefined && socket === null ? req.socket : undefined;
  const end = (): void => {
    waitsOn?.off("close", end);
    if (over.signal.aborted) return;
    over.abort(RESPONSE_OVER);
    watched.onOver();
  };
  const watched: WatchedResponse = { signal: over.signal, onOver: () => undefined, end };
  if (isClosed(res)) end();
  else {
    (stream ?? res).once("close", end);
    waitsOn?.once("close", end);
  }
  return watched;
}

/** The stream of an HTTP/2 response, which always emits `close`; the response to a HEAD request may not. */
function streamOf(res: NodeResponse): ServerHttp2Stream | undefined {
  return "stream" in res ? res.stream : undefined;
}
