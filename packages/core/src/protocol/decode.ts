/** One block (WHATWG HTML, 9.2.5) of an event stream that `encode.ts` wrote. */
export interface Block {
  readonly id: string | undefined;
  readonly event: string;
  /** `undefined` for a block that clients do not dispatch: comments, and a lone `id:` or `retry:`. */
  readonly data: string | undefined;
}

const decoder = new TextDecoder();

/** Decodes whole frames that `encode.ts` wrote. It is not a parser for event streams of other servers. */
export function decodeFrames(bytes: Uint8Array): Block[] {
  return decoder.decode(bytes).split("\n\n").slice(0, -1).map(decodeBlock);
}

function decodeBlock(text: string): Block {
  let id: string | undefined;
  let event = "message";
  const data: string[] = [];
  for (const line of text.split("\n")) {
    const colon = line.indexOf(": ");
    const value = line.slice(colon + 2);
    const field = line.slice(0, colon);
    if (field === "data") data.push(value);
    else if (field === "event") event = value || "message";
    else if (field === "id") id = value;
  }
  return { id, event, data: data.length > 0 ? data.join("\n") : undefined };
}
