import type { ServerResponse } from "node:http";
import { constants, type Http2ServerResponse } from "node:http2";
import type { Sink, SinkEvents } from "@holdfast/core";

/** Begins the response and writes to it. Its `close` event alone says that it is over, flushed or cut. */
export function createNodeSink(
  res: ServerResponse | Http2ServerResponse,
  status: number,
  headers: Record<string, string>,
  events: SinkEvents,
): Sink {
  const over = (): boolean => res.writableEnded || isGone(res);
  if (isGone(res)) queueMicrotask(() => events.closed());
  else {
    res.once("close", () => events.closed());
    res.on("drain", () => events.drained());
    // Without a message: HTTP/2 has none.
    (res as ServerResponse).writeHead(status, headers);
  }
  return {
    write: (bytes) => !over() && (res as ServerResponse).write(bytes),
    close() {
      if (!over()) res.end();
    },
    destroy() {
      if (isGone(res)) return;
      if (!("stream" in res)) return void res.destroy();
      res.stream.close(constants.NGHTTP2_CANCEL);
      res.stream.destroy();
    },
  };
}

/** Whether the peer has left or the response was cut. HTTP/2 responses tell it by their stream alone. */
export function isGone(res: ServerResponse | Http2ServerResponse): boolean {
  return "stream" in res ? res.stream === undefined || res.stream.destroyed : res.destroyed;
}
