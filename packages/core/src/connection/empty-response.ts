import { NO_STREAM_HEADERS, STREAM_HEADERS } from "../protocol/headers.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import { isTerminal } from "../protocol/cursor.ts";
import { isGone, type OpenSink, type SseRequest } from "./sink.ts";

/**
 * Responds with headers and no body. Resolves when the response is over.
 *
 * @param whole no bytes, where that costs less: only for a status whose response may have a body
 */
export function sendEmptyResponse(
  open: OpenSink,
  status: number,
  headers: Readonly<Record<string, string>> = NO_STREAM_HEADERS,
  whole?: Uint8Array,
): Promise<ServeResult> {
  return new Promise((resolve) => {
    const events = { drained: () => undefined, closed: () => resolve({ status }) };
    open(status, { ...headers }, events, whole).close();
  });
}

/**
 * Responds to a request that gets no stream whatever its source is: 499 to a client that has left, 200 to HEAD, and 204
 * to a client with a terminal id, which stops it from reconnecting (WHATWG HTML, 9.2.3). `undefined` for all others.
 */
export function respondWithoutStream(request: SseRequest, open: OpenSink): Promise<ServeResult> | undefined {
  if (isGone(request)) return sendEmptyResponse(open, 499);
  if (request.method === "HEAD") return sendEmptyResponse(open, 200, STREAM_HEADERS);
  if (isTerminal(request.cursor)) return sendEmptyResponse(open, 204);
  return undefined;
}

/** The headers of a response that refuses a client for so many ms. `Retry-After` has whole seconds (RFC 9110, 10.2.3). */
export function refusalHeaders(retry: number): Readonly<Record<string, string>> {
  return { ...NO_STREAM_HEADERS, "retry-after": String(Math.ceil(retry / 1_000)) };
}
