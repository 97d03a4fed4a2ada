/** One block of an event stream: the lines up to a blank line (WHATWG HTML, 9.2.5). */
export interface Block {
  readonly id: string | undefined;
  readonly event: string;
  /** `undefined` for a block that clients do not dispatch: a lone `id:` or `retry:`. */
  readonly data: string | undefined;
}

/**
 * Parses the bytes of one response as the standard says (WHATWG HTML, 9.2.6), and returns the blocks that are complete. The
 * client has a parser, too, but does not show what it leaves out, for example an event that arrives twice.
 */
export function createBlockParser(): (bytes: Uint8Array) => Block[] {
  // Ignores one byte order mark at the beginning.
  const decoder = new TextDecoder();
  let line = "";
  let endsWithCr = false;
  let id: string | undefined;
  let event = "";
  let data: string[] = [];

  function readLine(text: string, blocks: Block[]): void {
    if (text === "") {
      const isDispatched = data.length > 0;
      if (isDispatched || id !== undefined) {
        blocks.push({ id, event: event || "message", data: isDispatched ? data.join("\n") : undefined });
      }
      id = undefined;
      event = "";
      data = [];
      return;
    }
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id" && !value.includes("\0")) id = value;
  }

  return (bytes) => {
    let text = decoder.decode(bytes, { stream: true });
    if (text === "") return [];
    // A CRLF may be split between two chunks.
    if (endsWithCr && text.startsWith("\n")) text = text.slice(1);
    endsWithCr = text.endsWith("\r");
    const blocks: Block[] = [];
    const lines = text.split(/\r\n|\r|\n/);
    const last = lines.pop() ?? "";
    for (const part of lines) {
      readLine(line + part, blocks);
      line = "";
    }
    line += last;
    return blocks;
  };
}
