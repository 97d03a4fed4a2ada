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
  /** A line or an event is longer than the limit. Nothing follows. */
  readonly onError: () => void;
}

/**
 * Parses one response (WHATWG HTML, 9.2.5): takes its bytes, and reports each block when its blank line has arrived.
 *
 * @param limit of a line and of an event, in characters
 */
export function createBlockReader(limit: number, handlers: BlockHandlers): (bytes: Uint8Array) => void {
  // Strips one byte order mark.
  const decoder = new TextDecoder();
  /** The beginning of a line whose end has not arrived. */
  let line = "";
  /** A CRLF may be split between two pieces. */
  let endsWithCr = false;
  let isTooLarge = false;
  let event = "";
  let data: string | undefined;
  let id: string | undefined;

  function endBlock(): void {
    if (id !== undefined) handlers.onId(id);
    if (data !== undefined) handlers.onEvent(event || "message", data, id);
    event = "";
    data = id = undefined;
  }

  function readLine(): void {
    const colon = line.indexOf(":");
    if (colon === 0) return handlers.onComment();
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "data") data = data === undefined ? value : `${data}\n${value}`;
    else if (name === "event") event = value;
    else if (name === "id" && !value.includes("\0")) id = value;
    else if (name === "retry" && /^\d+$/.test(value)) handlers.onRetry(Number(value));
  }

  function checkSize(length: number): void {
    if (length <= limit || isTooLarge) return;
    isTooLarge = true;
    handlers.onError();
  }

  return (bytes) => {
    const decoded = decoder.decode(bytes, { stream: true });
    if (decoded === "") return;
    const text = endsWithCr && decoded.startsWith("\n") ? decoded.slice(1) : decoded;
    endsWithCr = decoded.endsWith("\r");
    const lines = text.split(text.includes("\r") ? /\r\n?|\n/ : "\n");
    const rest = lines.pop() ?? "";
    for (const end of lines) {
      line += end;
      checkSize(Math.max(line.length, event.length + (data ?? "").length + (id ?? "").length));
      if (isTooLarge) return;
      if (line) readLine();
      else endBlock();
      line = "";
    }
    line += rest;
    checkSize(line.length);
  };
}
