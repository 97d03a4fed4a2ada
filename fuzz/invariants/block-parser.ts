/** One block of an event stream. */
export interface Block {
  readonly event?: string;
  readonly id?: string;
  readonly retry?: string;
  readonly data?: string;
}

/**
 * Splits a body into blocks. Unlike a browser it accepts only what the protocol allows: LF, and `name: value`. A block that
 * was cut is dropped, as every client does.
 */
export class BlockParser {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  #rest = "";

  feed(chunk: Uint8Array): Block[] {
    const blocks = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n\n");
    this.#rest = blocks.pop() as string;
    return blocks.map(parseBlock);
  }
}

function parseBlock(text: string): Block {
  const block: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [, name, value = ""] = /^(event|id|retry|data): (.*)$/.exec(line) ?? [];
    if (name === undefined && !line.startsWith(":"))
      throw new Error(`Not a line of the protocol: ${JSON.stringify(line)}`);
    if (name === "data" && block.data !== undefined) block.data += `\n${value}`;
    else if (name !== undefined) block[name] = value;
  }
  return block;
}
