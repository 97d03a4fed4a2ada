import { createParser } from "eventsource-parser";

/** What a response's body is made of, in order. Of a block with both, the `id` is told first (WHATWG HTML, 9.2.6). */
export interface BlockHandlers {
  readonly id: (id: string) => void;
  readonly event: (event: string, data: string, id: string | undefined) => void;
  readonly comment: () => void;
  /** A `retry:`, in ms. */
  readonly retry: (ms: number) => void;
  /** A line or an event is over the limit; what comes behind is not to be trusted. */
  readonly tooLarge: () => void;
}

/**
 * Reads one response: bytes in, blocks out. A block counts from its blank line on.
 *
 * @param limit of a line and of an event, in characters
 */
export function createBlockReader(
  limit: number,
  { id: onId, event: onEvent, comment: onComment, retry: onRetry, tooLarge }: BlockHandlers,
): (bytes: Uint8Array) => void {
  // The parser strips one byte order mark by itself: a decoder that did so too would strip a second.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** How many characters there are since the last line end: the parser lets a long line that is no field go by. */
  let line = 0;
  const parser = createParser({
    maxBufferSize: limit,
    onId,
    onEvent({ event = "message", data, id }) {
      if (event.length + data.length + (id ?? "").length > limit) tooLarge();
      else onEvent(event, data, id);
    },
    onComment,
    onRetry,
    onError({ type }) {
      if (type === "max-buffer-size-exceeded") tooLarge();
    },
  });
  return (bytes) => {
    const text = decoder.decode(bytes, { stream: true });
    parser.feed(text);
    const end = Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r")) + 1;
    line = text.length - end + (end > 0 ? 0 : line);
    if (line > limit) tooLarge();
  };
}
