import { needsQuery, toHeader, withCursor } from "./cursor.ts";
import type { Asked, Settings } from "./options.ts";

const ask = <T>(asked: Asked<T>): T | PromiseLike<T> =>
  typeof asked === "function" ? (asked as () => T | PromiseLike<T>)() : asked;

export type FetchArguments = readonly [url: string, init: RequestInit];

/**
 * The arguments of `fetch` for the next request. Everything that is a function is asked anew.
 *
 * @param cursor empty for none
 * @param resumes whether a request of this connection may have been carried out already
 */
export async function makeRequest(
  asked: Asked<string | URL>,
  settings: Settings,
  cursor: string,
  resumes: boolean,
  signal: AbortSignal,
): Promise<FetchArguments> {
  const { body, credentials, idempotent = false, method, resumeBy, resumeUrl = asked } = settings;
  const repeats = method === "GET" || idempotent || !resumes;
  let url = resolveUrl(await ask(repeats ? asked : resumeUrl));
  const headers = new Headers(await ask(settings.headers));
  headers.set("accept", "text/event-stream");
  if (cursor !== "") {
    if (resumeBy === "query" || needsQuery(cursor)) url = withCursor(url, cursor);
    else headers.set("last-event-id", toHeader(cursor));
  }
  const init = {
    method: repeats ? method : "GET",
    headers,
    body: repeats ? await ask(body) : undefined,
    // Without it a stream cannot be sent.
    duplex: "half",
    cache: "no-store",
    credentials,
    signal,
  };
  return [url, init as RequestInit];
}

/**
 * A URL as `fetch` resolves it: against that of the page or worker, if there is one.
 *
 * @throws TypeError
 */
export function resolveUrl(url: string | URL): string {
  const { document, location } = globalThis as {
    document?: { baseURI?: string };
    location?: { href?: string };
  };
  return new URL(url, document?.baseURI ?? location?.href).href;
}
