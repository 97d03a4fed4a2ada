import { needsQuery, toHeaderValue, withCursor } from "./cursor-encoding.ts";
import type { Asked, RequestOptions } from "./request-options.ts";
import { resolveUrl } from "./resolve-url.ts";

export type FetchArguments = readonly [url: string, init: RequestInit];

export interface RequestSettings extends RequestOptions {
  readonly method: "GET" | "POST";
}

const valueOf = <T>(asked: Asked<T>): T | PromiseLike<T> =>
  typeof asked === "function" ? (asked as () => T | PromiseLike<T>)() : asked;

/**
 * The arguments of `fetch` for the next request. Options that are functions are called.
 *
 * @param cursor empty for none
 * @param isResumption whether the server may have processed an earlier request of this connection
 */
export async function createRequest(
  streamUrl: Asked<string | URL>,
  settings: RequestSettings,
  cursor: string,
  isResumption: boolean,
  signal: AbortSignal,
): Promise<FetchArguments> {
  const { body, credentials, idempotent, method, resumeBy, resumeUrl = streamUrl } = settings;
  const isRepeatable = method === "GET" || idempotent || !isResumption;
  let url = resolveUrl(await valueOf(isRepeatable ? streamUrl : resumeUrl));
  const headers = new Headers(await valueOf(settings.headers));
  headers.set("accept", "text/event-stream");
  if (cursor) {
    if (resumeBy === "query" || needsQuery(cursor)) url = withCursor(url, cursor);
    else headers.set("last-event-id", toHeaderValue(cursor));
  }
  const init = {
    method: isRepeatable ? method : "GET",
    headers,
    body: isRepeatable ? await valueOf(body) : undefined,
    // `fetch` requires it for a body that is a stream.
    duplex: "half",
    cache: "no-store",
    credentials,
    signal,
  };
  // TypeScript's RequestInit has no `duplex`, and takes no undefined properties.
  return [url, init as RequestInit];
}
