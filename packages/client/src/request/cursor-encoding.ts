/** A cursor as a header value: one character for each byte of its UTF-8 (WHATWG HTML, 9.2.3). */
export const toHeaderValue = (cursor: string): string =>
  String.fromCharCode(...new TextEncoder().encode(cursor));

/** Whether a header would change this cursor or refuse it, so that it must be sent in the query. */
export const needsQuery = (cursor: string): boolean => /\p{Cc}|^ | $/u.test(cursor);

/**
 * An absolute URL with the cursor as its parameter `lastEventId`. It goes first, so that it wins over a stale one; the
 * other parameters stay as they are written.
 */
export function withCursor(url: string, cursor: string): string {
  const parsed = new URL(url);
  parsed.search = `lastEventId=${encodeURIComponent(cursor)}${parsed.search.replace("?", "&")}`;
  return parsed.href;
}
