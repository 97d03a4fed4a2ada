import { createParser } from "eventsource-parser";
import fc from "fast-check";

/** What a client makes of an event stream. */
export interface Parsed {
  readonly events: { readonly id: string | undefined; readonly event: string; readonly data: string }[];
  readonly comments: string[];
  readonly retries: number[];
}

/** Reads an event stream as a client does, in these pieces; what a client would ignore as faulty is thrown. */
export function parse(...chunks: Uint8Array[]): Parsed {
  const parsed: Parsed = { events: [], comments: [], retries: [] };
  const parser = createParser({
    onEvent: ({ id, event, data }) => parsed.events.push({ id, event: event || "message", data }),
    onComment: (comment) => parsed.comments.push(comment),
    onRetry: (retry) => parsed.retries.push(retry),
    onError: (error) => {
      throw error;
    },
  });
  // The parser takes a byte order mark away by itself; a decoder that does so too would eat a second one.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }));
  return parsed;
}

/** Where to cut, as parts of the whole. */
export const anyCuts: fc.Arbitrary<number[]> = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
  maxLength: 20,
});

/** The same bytes in pieces, which may be empty and may end inside a character. */
export function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...cuts, 0, 1].map((part) => Math.round(part * bytes.length)).sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}
