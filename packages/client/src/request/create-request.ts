import { needsQuery, toHeaderValue, withCursor } from "./cursor-encoding.ts";
import type { Attempt } from "../retry/attempt.ts";
import type { Asked, RequestOptions } from "./request-options.ts";
import { resolveUrl } from "./resolve-url.ts";

export type FetchArguments = readonly [url: string, init: RequestInit];

export interface RequestSettings extends RequestOptions {
  readonly method: "GET" | "POST";
}

const valueOf = <T>(asked: Asked<T>): T | PromiseLike<T> =>
  typeof asked === "function" ? (asked as () => T | PromiseLike<T>)() : asked;

/** Whether `fetch` takes this signal: jsdom's `AbortController` makes signals that the runtime refuses. */
function isUsable(signal: AbortSignal): boolean {
  try {
    return !!new Request("http://a", { signal });
  } catch {
    return false;
  }
}

/**
 * The arguments of `fetch` for the next request. Options that are functions are called.
 *
 * @param cursor empty for none
 * @param isResumption whether the server may have processed an earlier request of this connection
 * @param attempt ended for good if no request can be made of the values
 * @throws what a function throws, and a TypeError for such values
 */
export async function createRequest(
  streamUrl: Asked<string | URL>,
  settings: RequestSettings,
  cursor: string,
  isResumption: boolean,
  attempt: Attempt,
): Promise<FetchArguments> {
  const { signal } = attempt;
  const { body, credentials, idempotent, method, resumeBy, resumeUrl = streamUrl } = settings;
  const isRepeatable = method === "GET" || idempotent || !isResumption;
  const requestUrl = await valueOf(isRepeatable ? streamUrl : resumeUrl);
  const given = await valueOf(settings.headers);
  let url: string;
  let headers: Headers;
  try {
    url = resolveUrl(requestUrl);
    if (!/^https?:/.test(url)) throw new TypeError(`${url} is no HTTP URL.`);
    headers = new Headers(given);
  } catch (cause) {
    attempt.abort({ type: "fatal", reason: "request", message: String(cause), cause });
    throw cause;
  }
  if (!headers.has("accept")) headers.set("accept", "text/event-stream");
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
    signal: isUsable(signal) ? signal : undefined,
  };
  // TypeScript's RequestInit has no `duplex`, and takes no undefined properties.
  return [url, init as RequestInit];
}
