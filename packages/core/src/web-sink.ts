import type { Sink, SinkEvents } from "./sink.ts";

/** A sink whose other side is the body of a `Response`. */
export interface WebSink extends Sink {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * A pull-driven web stream. It is a default stream, never a byte stream, which would transfer the shared memory; its
 * high-water mark is one byte, so that it holds as soon as one chunk waits to be taken. Only the `pull` after the last
 * chunk says that it was taken: the stream ends there.
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

  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
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
    },
    { highWaterMark: 1, size: (chunk) => chunk.byteLength },
  );

  return {
    body,
    write(bytes) {
      if (state !== "open") return false;
      empty = false;
      // A copy: whoever reads the body may transfer what it is given, and all readers share these bytes.
      controller.enqueue(bytes.slice());
      return (controller.desiredSize ?? 0) > 0;
    },
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
