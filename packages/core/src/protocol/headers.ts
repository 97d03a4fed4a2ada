/** The headers of an event stream. No `connection:`, which HTTP/2 refuses. */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** The headers of an answer that has no stream: 204, 404, 499 and 503. */
export const NO_STREAM_HEADERS: Readonly<Record<string, string>> = { "cache-control": "no-store" };

/** Whether these headers announce an event stream. */
export function isEventStream(headers: Headers): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(headers.get("content-type") ?? "");
}

/**
 * Where a reconnecting client stands: `Last-Event-ID` if present and not empty, else the query parameter
 * `lastEventId` if not empty, else nothing. The header wins because an `EventSource` keeps its first URL.
 *
 * @param header the value of `Last-Event-ID` as runtimes give it, one character for each byte
 * @param url the request's URL, absolute or from its path on
 */
export function readCursor(header: string | null | undefined, url: string): string | undefined {
  if (header) return fromUtf8(header);
  const query = /^[^?#]*\?([^#]*)/.exec(url)?.[1];
  return query === undefined ? undefined : new URLSearchParams(query).get("lastEventId") || undefined;
}

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The header's bytes are UTF-8 (WHATWG HTML, 9.2.3). What is no UTF-8, or was decoded already, stays as it is. */
function fromUtf8(header: string): string {
  if (!/[\u0080-\u00ff]/.test(header) || /[\u0100-\uffff]/.test(header)) return header;
  try {
    return decoder.decode(Uint8Array.from(header, (char) => char.charCodeAt(0)));
  } catch {
    return header;
  }
}
