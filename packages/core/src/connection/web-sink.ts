import { systemClock } from "../base/clock.ts";
import { PAGE_BYTES } from "./paged-sink.ts";
import type { Sink, SinkEvents } from "./sink.ts";

/** A sink that supplies the body of a `Response`. */
export interface BodySink extends Sink {
  /** The body for the `Response`. It ends, fails or is cancelled together with the connection. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** The sink that {@link createWebSink} creates. */
export interface WebSink extends BodySink {
  /** How many chunks the reader of the body has taken. */
  progress(): number;
  readonly pageBytes: number;
  /** Whether the reader of the body has taken everything and asks for more. */
  isFlushed(): boolean;
  /** Writes a chunk without a copy; from then on it belongs to the reader of the body. Returns as `write` does. */
  give(chunk: Uint8Array<ArrayBuffer>): boolean;
}

/** Chromium drops what it has not read when a response fails: a cut comes so many ms after everything else. */
const CUT_DELAY = 100;

/**
 * Creates a sink over a web stream, whose `write` returns `false` as long as a chunk waits to be read.
 *
 * The stream is not a byte stream, which would transfer the memory that all readers share. It ends when its reader asks for
 * more than the last chunk: servers do that when they have flushed that chunk. What they have not flushed when the stream
 * fails they drop.
 *
 * @example
 * const sink = createWebSink({ drained, closed });
 * return new Response(sink.body, { headers });
 */
export function createWebSink(events: SinkEvents): WebSink {
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let state: "open" | "closing" | "cutting" | "over" = "open";
  /** Whether the reader has asked for more since it was given the last chunk; true before the first. */
  let isFlushed = true;
  let cutReason: unknown;
  let chunks = 0;

  function finish(): void {
    state = "over";
    events.closed();
  }

  function closeStream(): void {
    controller.close();
    finish();
  }

  function cutLater(): void {
    systemClock.after(CUT_DELAY, () => {
      if (state !== "cutting") return;
      controller.error(cutReason);
      finish();
    });
  }

  const source: UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> = {
    start(streamController) {
      controller = streamController;
    },
    pull() {
      isFlushed = true;
      if (state === "closing") closeStream();
      else if (state === "cutting") cutLater();
      else events.drained();
    },
    cancel() {
      if (state !== "over") finish();
    },
  };
  // Without a queue of its own, the stream pulls only when its reader waits for a chunk.
  const body = new ReadableStream(source, { highWaterMark: 0 });

  function give(chunk: Uint8Array<ArrayBuffer>): boolean {
    if (state !== "open") return false;
    isFlushed = false;
    chunks++;
    controller.enqueue(chunk);
    return controller.desiredSize === 0;
  }

  return {
    body,
    isFlushed: () => isFlushed,
    give,
    // The desired size is minus the number of chunks in the queue.
    progress: () => chunks + (controller.desiredSize ?? 0),
    pageBytes: PAGE_BYTES,
    // A copy, because the reader of the body may transfer its chunks, and all readers share these bytes.
    write: (bytes) => give(bytes.slice()),
    close() {
      if (state !== "open") return;
      if (isFlushed) closeStream();
      else state = "closing";
    },
    cut(reason) {
      if (state !== "open") return;
      state = "cutting";
      cutReason = reason;
      if (isFlushed) cutLater();
    },
    destroy(reason) {
      if (state === "over") return;
      if (reason === undefined) return closeStream();
      controller.error(reason);
      finish();
    },
  };
}
