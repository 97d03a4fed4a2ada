import { createParser } from "eventsource-parser";

/**
 * What a block of the stream can hold, in the order it is reported. A block's `id` comes before its event (WHATWG HTML,
 * 9.2.6).
 */
export interface BlockHandlers {
  readonly onId: (id: string) => void;
  readonly onEvent: (event: string, data: string, id: string | undefined) => void;
  readonly onComment: () => void;
  /** The value of a `retry:`, in ms. */
  readonly onRetry: (ms: number) => void;
  /** A line or an event is longer than the limit. What follows it is not reliable. */
  readonly onError: () => void;
}

/**
 * Parses one response: takes its bytes, and reports each block when its blank line has arrived.
 *
 * @param limit of a line and of an event, in characters
 */
export function createBlockReader(limit: number, handlers: BlockHandlers): (bytes: Uint8Array) => void {
  // The parser strips one byte order mark itself. A decoder that strips one too would take a second mark away.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** Characters since the last line end. The parser does not limit a long line that is no known field. */
  let lineLength = 0;
  const parser = createParser({
    ...handlers,
    maxBufferSize: limit,
    onEvent({ event = "message", data, id }) {
      if (event.length + data.length + (id ?? "").length > limit) handlers.onError();
      else handlers.onEvent(event, data, id);
    },
    onError({ type }) {
      if (type === "max-buffer-size-exceeded") handlers.onError();
    },
  });
  return (bytes) => {
    const text = decoder.decode(bytes, { stream: true });
    parser.feed(text);
    const lineStart = Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r")) + 1;
    lineLength = text.length - lineStart + (lineStart > 0 ? 0 : lineLength);
    if (lineLength > limit) handlers.onError();
  };
}
