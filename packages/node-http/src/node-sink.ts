import type { ServerResponse } from "node:http";
import { type Duplex, Transform } from "node:stream";
import { constants, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import { HoldfastError, type Sink, type SinkEvents } from "@holdfast/core";
import { waitForTurn } from "@holdfast/core/internal";
import { bytesTaken } from "./bytes-taken.ts";
import { fastPathSocket, writeChunk } from "./chunk-writer.ts";

/** A response of `node:http`, `node:https` or `node:http2`, and of what stands on them. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** A response behind compression middleware, which buffers what is written until `flush` is called. */
interface BufferingResponse {
  readonly flush?: () => void;
}

/** Shared by all responses: creating an error for each would cost more than serving the response. */
const RESPONSE_OVER = new HoldfastError("ABORTED", "The response is over.");

const utf8 = new TextDecoder();

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
  whole?: Uint8Array,
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
    (res as ServerResponse).writeHead(
      status,
      whole === undefined ? headers : { ...headers, "content-length": String(whole.length) },
    );
    // As text, Node writes it together with the head.
    if (whole !== undefined) res.end(utf8.decode(whole));
  }
  const { socket: connection } = res as ServerResponse;
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
    },
    // Of a single stream of HTTP/2, Node does not show it.
    ...(stream === undefined && connection !== null && { progress: () => bytesTaken(connection) }),
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

/** Sends a FIN without the last chunk (RFC 9112, 8). */
function halfClose(res: ServerResponse): void {
  const { socket } = res;
  res.flushHeaders();
  if (socket !== null) cutWhenFlushed(socket, () => socket.end());
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
  /** Aborts when the client has disconnected, or the response was over before; over HTTP/2 also after an ordinary end. */
  readonly signal: AbortSignal;
  /** Resolves when a pipelined response has its turn or is over; `undefined` for all others. */
  readonly ready: Promise<void> | undefined;
  /** Called once when the response is over, but not if it was over from the beginning. */
  onOver: () => void;
}

export function watchResponse(res: NodeResponse): WatchedResponse {
  const over = new AbortController();
  const stream = streamOf(res);
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    // After an ordinary end nobody listens any more, and to abort costs more than the whole response of a refused client. A
    // stream of HTTP/2 counts as finished also after its client has disconnected.
    if (stream !== undefined || !res.writableFinished) over.abort(RESPONSE_OVER);
    watched.onOver();
  };
  const ready = waitForTurn(res as ServerResponse)?.then((hasTurn) => {
    if (!hasTurn) end();
  });
  const watched: WatchedResponse = { signal: over.signal, ready, onOver: () => undefined };
  if (isClosed(res)) over.abort(RESPONSE_OVER);
  else (stream ?? res).once("close", end);
  return watched;
}

/** The stream of an HTTP/2 response, which always emits `close`; the response to a HEAD request may not. */
function streamOf(res: NodeResponse): ServerHttp2Stream | undefined {
  return "stream" in res ? res.stream : undefined;
}
