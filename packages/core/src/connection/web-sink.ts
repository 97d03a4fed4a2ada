import type { Sink, SinkEvents } from "./sink.ts";

/** A sink whose other side is the body of a `Response`. */
export interface BodySink extends Sink {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

export interface WebSink extends BodySink {
  /** Whether everything was taken. */
  isEmpty(): boolean;
  /** Writes a chunk that becomes the reader's own. */
  give(chunk: Uint8Array<ArrayBuffer>): boolean;
}

/**
 * A pull-driven web stream. It is a default stream, never a byte stream, which would transfer the shared memory; it holds
 * as soon as one chunk waits to be taken. Only the `pull` after the last chunk says that it was taken: the stream ends
 * there.
 */
export function createWebSink(events: SinkEvents): WebSink {
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let state: "open" | "closing" | "over" = "open";
  let empty = true;

  function finish(): void {
    state = "over";
    events.closed();
  }

  function closeStream(): void {
    controller.close();
    finish();
  }

  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(own) {
      controller = own;
    },
    pull() {
      empty = true;
      if (state === "closing") closeStream();
      else events.drained();
    },
    cancel() {
      if (state !== "over") finish();
    },
  });

  function give(chunk: Uint8Array<ArrayBuffer>): boolean {
    if (state !== "open") return false;
    empty = false;
    controller.enqueue(chunk);
    return (controller.desiredSize ?? 0) > 0;
  }

  return {
    body,
    isEmpty() {
      return empty;
    },
    give,
    // A copy: whoever reads the body may transfer what it is given, and all readers share these bytes.
    write: (bytes) => give(bytes.slice()),
    close() {
      if (state !== "open") return;
      if (empty) closeStream();
      else state = "closing";
    },
    destroy(reason) {
      if (state === "over") return;
      if (reason === undefined) return closeStream();
      controller.error(reason);
      finish();
    },
  };
}
