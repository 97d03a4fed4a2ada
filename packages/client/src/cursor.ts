import { parseId } from "@holdfast/core/internal";

/** Whether an event has come already, to who stands at `cursor`: by number, and only within one life of a stream. */
export function isPast(id: string, cursor: string): boolean {
  const there = parseId(id);
  const here = parseId(cursor);
  return there !== undefined && there.epoch === here?.epoch && there.seq <= here.seq;
}

/** Whether nothing comes any more, to who stands at `cursor`. */
export const isTerminal = (cursor: string): boolean => parseId(cursor)?.end === true;

/** A cursor as the value of a header, which is one character for each byte of its UTF-8 (WHATWG HTML, 9.2.3). */
export const toHeader = (cursor: string): string => String.fromCharCode(...new TextEncoder().encode(cursor));

/** Whether a header would not carry this cursor as it is. */
export const needsQuery = (cursor: string): boolean => /\p{Cc}|^ | $/u.test(cursor);

/** An absolute URL with the cursor as its parameter `lastEventId`, in front of a stale one. The others stay, to the letter. */
export function withCursor(url: string, cursor: string): string {
  const parsed = new URL(url);
  parsed.search = `lastEventId=${encodeURIComponent(cursor)}${parsed.search.replace("?", "&")}`;
  return parsed.href;
}
