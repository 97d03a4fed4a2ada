import { createParser } from "eventsource-parser";
import fc from "fast-check";

/** An event stream as a client parses it. */
export interface Parsed {
  readonly events: { readonly id: string | undefined; readonly event: string; readonly data: string }[];
  readonly comments: string[];
  readonly retries: number[];
}

/** Parses an event stream that arrives in these chunks. Throws on what a client would ignore as an error. */
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
  // The parser strips a byte order mark. If the decoder stripped one, too, a second one would be lost.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }));
  return parsed;
}

/** Places to cut at, as fractions of the length. */
export const anyCuts: fc.Arbitrary<number[]> = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
  maxLength: 20,
});

/** The same bytes in chunks, which may be empty and may end inside a character. */
export function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...cuts, 0, 1].map((part) => Math.round(part * bytes.length)).sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}
