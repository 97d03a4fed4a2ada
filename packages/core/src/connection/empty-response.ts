import { NO_STREAM_HEADERS, STREAM_HEADERS } from "../protocol/headers.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import { isTerminal } from "../protocol/cursor.ts";
import type { OpenSink, SseRequest } from "./sink.ts";

/** Answers without a stream: headers, and the end. Resolves when the response is over. */
export function sendEmptyResponse(
  open: OpenSink,
  status: number,
  headers: Readonly<Record<string, string>> = NO_STREAM_HEADERS,
): Promise<ServeResult> {
  return new Promise((resolve) => {
    open(status, { ...headers }, { drained: () => undefined, closed: () => resolve({ status }) }).close();
  });
}

/**
 * The answers for which nothing is looked up and nothing registered; `undefined` for a client to be served. A 204
 * stops every conforming client for good (WHATWG HTML, 9.2.3).
 */
export function respondWithoutStream(request: SseRequest, open: OpenSink): Promise<ServeResult> | undefined {
  if (request.signal.aborted) return sendEmptyResponse(open, 499);
  if (request.method === "HEAD") return sendEmptyResponse(open, 200, STREAM_HEADERS);
  if (isTerminal(request.cursor)) return sendEmptyResponse(open, 204);
  return undefined;
}
