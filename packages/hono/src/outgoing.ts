import { systemClock } from "@holdfast/core";
import type { ChunkedResponse } from "@holdfast/core/internal";

/*
 * The response of Node to which the server in front of Hono writes the body of the `Response`, as far as it is used here.
 */

/** A response of `node:http` or `node:http2`. */
export interface Outgoing extends ChunkedResponse {
  readonly headersSent: boolean;
  readonly destroyed?: boolean;
  /** Whether it is flushed to the end; not known over HTTP/2. */
  readonly writableFinished?: boolean;
  /** Of a response of HTTP/1.1. */
  readonly socket?: OutgoingSocket | null;
  /** Of a response of HTTP/2. */
  readonly stream?: OutgoingStream;
  write: (chunk: Uint8Array) => boolean;
  end: () => unknown;
  destroy(error?: unknown): unknown;
  on(event: "close", listener: () => void): unknown;
  once(event: "drain", listener: () => void): unknown;
}

interface OutgoingWritable {
  readonly writableLength: number;
  write(chunk: string, onFlushed: () => void): unknown;
}

interface OutgoingSocket extends OutgoingWritable {
  end(): unknown;
  cork?(): void;
  uncork?(): void;
}

interface OutgoingStream extends OutgoingWritable {
  close(code: number): void;
}

/** The code of HTTP/2 (RFC 9113, 7) that no client takes for a normal end. */
const INTERNAL_ERROR = 2;

/** Chromium drops what it has not read when a response fails: a cut comes so many ms after everything else. */
const CUT_DELAY = 100;

/**
 * What is written in this turn of the event loop leaves the process in one call. The server sends the head of a response on
 * its own, which costs as much as the first events.
 */
export function holdUntilEndOfTurn({ socket }: Outgoing): void {
  if (socket?.cork === undefined || systemClock.next === undefined) return;
  socket.cork();
  systemClock.next(() => socket.uncork?.());
}

/** Ends the response behind everything written, so that the client sees that it is incomplete. */
export function cutResponse({ socket, stream }: Outgoing): void {
  if (stream !== undefined) cutWhenFlushed(stream, () => stream.close(INTERNAL_ERROR));
  else if (socket) cutWhenFlushed(socket, () => socket.end());
}

/** Calls `cut` behind everything written: a RST_STREAM would overtake what is queued. */
function cutWhenFlushed(writable: OutgoingWritable, cut: () => void): void {
  const cutLater = (): void => void setTimeout(cut, CUT_DELAY);
  if (writable.writableLength === 0) cutLater();
  else writable.write("", cutLater);
}

/** Watches for a chunk. The returned function stops that and says whether the chunk was written. */
export function watchForChunk(outgoing: Outgoing, chunk: Uint8Array): () => boolean {
  const { write } = outgoing;
  let isWritten = false;
  const watched: Outgoing["write"] = (...args) => {
    isWritten ||= args[0] === chunk;
    return write.apply(outgoing, args);
  };
  outgoing.write = watched;
  return () => {
    // Set back, not deleted: after a `delete`, V8 keeps the object in slow dictionary mode.
    if (outgoing.write === watched) outgoing.write = write;
    return isWritten;
  };
}

/** The next `end` is ignored: it is the server's, behind a body that is over while the response is not. */
export function ignoreNextEnd(outgoing: Outgoing): void {
  const { end } = outgoing;
  outgoing.end = () => {
    outgoing.end = end;
    return outgoing;
  };
}
