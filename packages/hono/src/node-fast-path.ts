import { type BodySink, createWebSink, type SinkEvents } from "@holdfast/core";

/*
 * On Node, the server in front of Hono writes a `Response` to a response of `node:http`, chunk by chunk, with
 * several promises for each chunk. That costs as much CPU as everything else together. As soon as it is certain
 * that nothing stands between the body and that response, chunks are written to the response directly. The body
 * stays open: closing it ends the response.
 *
 * It is certain when the server writes a chunk to the response in the microtask right after the read that returned
 * the chunk. Code that changes or inspects the body has to read each chunk and pass it on, which takes more than one
 * microtask.
 */

/** Node's response, to which the server writes the body of the `Response`. */
export interface Outgoing {
  readonly headersSent: boolean;
  readonly destroyed?: boolean;
  /** Of a response of HTTP/1.1. */
  readonly socket?: OutgoingSocket | null;
  /** Of a response of HTTP/2. */
  readonly stream?: OutgoingStream;
  write: (chunk: Uint8Array) => boolean;
  once(event: "drain" | "close", listener: () => void): unknown;
}

interface OutgoingWritable {
  readonly writableLength: number;
  write(chunk: string, onFlushed: () => void): unknown;
}

interface OutgoingSocket extends OutgoingWritable {
  end(): unknown;
}

interface OutgoingStream extends OutgoingWritable {
  close(code: number): void;
}

/** The code of HTTP/2 (RFC 9113, 7) that no client takes for a normal end. */
const INTERNAL_ERROR = 2;

/** Chromium drops what it has not read when a response fails: a cut comes so many ms after everything else. */
const CUT_DELAY = 100;

/** Number of chunks for which this is checked. If none reaches the response directly, the fast path is never taken. */
const ATTEMPTS = 8;

/** A web sink that writes directly to `outgoing` as soon as that is certain to be equivalent. */
export function createFastPathSink(events: SinkEvents, outgoing: Outgoing): BodySink {
  let attempts = ATTEMPTS;
  let isDirect = false;
  let isProbing = false;
  let isFull = false;
  let state: "open" | "closing" | "cutting" | "over" = "open";

  const web = createWebSink({
    drained() {
      if (!isDirect) events.drained();
    },
    closed() {
      state = "over";
      events.closed();
    },
  });

  // Another response may be sent instead, or was sent before: then the body is neither read nor cancelled.
  if (outgoing.destroyed === true) queueMicrotask(() => web.destroy());
  else outgoing.once("close", () => web.destroy());

  function writeToBody(chunk: Uint8Array<ArrayBuffer>): boolean {
    if (attempts === 0 || isProbing || !web.isFlushed() || !outgoing.headersSent) return web.give(chunk);
    attempts--;
    isProbing = true;
    const hasArrived = watchForChunk(outgoing, chunk);
    const taken = web.give(chunk);
    // This microtask runs after the reaction to the read, and before anything that this reaction causes.
    queueMicrotask(() => {
      isProbing = false;
      // Another chunk may have followed: then `drained` is still to come from the body.
      if (hasArrived() && web.isFlushed()) isDirect = true;
    });
    return taken;
  }

  function drained(): void {
    isFull = false;
    if (state === "closing") web.close();
    else events.drained();
  }

  function writeDirectly(bytes: Uint8Array): boolean {
    if (state !== "open" || outgoing.destroyed === true) return false;
    isFull = !outgoing.write(bytes);
    if (isFull) outgoing.once("drain", drained);
    return !isFull;
  }

  return {
    body: web.body,
    write: (bytes) => (isDirect ? writeDirectly(bytes) : writeToBody(bytes.slice())),
    close() {
      if (state !== "open") return;
      state = "closing";
      if (!isFull) web.close();
    },
    cut(reason) {
      if (state !== "open") return;
      state = "cutting";
      if (isDirect) cutResponse(outgoing);
      else web.cut(reason);
    },
    destroy: (reason) => web.destroy(reason),
    progress: () => web.progress(),
    pageBytes: web.pageBytes,
  };
}

/** Cuts the response. With an error of the body instead, the server would drop what is still buffered. */
function cutResponse(outgoing: Outgoing): void {
  const { socket, stream } = outgoing;
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
function watchForChunk(outgoing: Outgoing, chunk: Uint8Array): () => boolean {
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
