import type { Sink, SinkEvents } from "./sink.ts";

/** A sink that supplies the body of a `Response`. */
export interface BodySink extends Sink {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** The sink that {@link createWebSink} creates. */
export interface WebSink extends BodySink {
  /** Whether the reader of the body has taken everything. */
  isEmpty(): boolean;
  /** Writes a chunk without a copy; from then on it belongs to the reader of the body. Returns as `write` does. */
  give(chunk: Uint8Array<ArrayBuffer>): boolean;
}

/**
 * Creates a sink over a web stream, whose `write` returns `false` as long as a chunk waits to be read.
 *
 * The stream is not a byte stream, which would transfer the memory that all readers share. It ends in the `pull` after
 * the last chunk, because only that shows that the chunk was read.
 *
 * @example
 * const sink = createWebSink({ drained, closed });
 * return new Response(sink.body, { headers });
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
    start(streamController) {
      controller = streamController;
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
    // A copy, because the reader of the body may transfer its chunks, and all readers share these bytes.
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
