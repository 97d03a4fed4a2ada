/** The headers of an event stream. Without `connection:`, which HTTP/2 does not allow. */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** The headers of a response without a stream: 204, 404, 499 and 503. */
export const NO_STREAM_HEADERS: Readonly<Record<string, string>> = { "cache-control": "no-store" };

/** Whether the content type is that of an event stream. */
export function isEventStream(headers: Headers): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(headers.get("content-type") ?? "");
}

/**
 * A request's cursor: the header `Last-Event-ID` (WHATWG HTML, 9.2.3) or, if that is missing or empty, the query
 * parameter `lastEventId`. The header wins, because an `EventSource` reconnects with the URL that it was created with.
 *
 * @param header the value of `Last-Event-ID` as the runtime gives it, one character for each byte
 * @param url the request's URL, absolute or from its path on
 * @returns the id of the last event that the client has, or `undefined` for a new client
 *
 * @example
 * const cursor = readCursor(req.headers["last-event-id"], req.url);
 */
export function readCursor(header: string | null | undefined, url: string): string | undefined {
  if (header) return fromUtf8(header);
  const query = /^[^?#]*\?([^#]*)/.exec(url)?.[1];
  return query === undefined ? undefined : new URLSearchParams(query).get("lastEventId") || undefined;
}

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The header's bytes are UTF-8 (WHATWG HTML, 9.2.3). A value that is not, or is already decoded, stays unchanged. */
function fromUtf8(header: string): string {
  if (!/[\u0080-\u00ff]/.test(header) || /[\u0100-\uffff]/.test(header)) return header;
  try {
    return decoder.decode(Uint8Array.from(header, (char) => char.charCodeAt(0)));
  } catch {
    return header;
  }
}
