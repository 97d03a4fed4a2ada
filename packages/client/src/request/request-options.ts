/** A value, or a function that is called for it before each attempt. */
export type Asked<T> = T | (() => T | PromiseLike<T>);

/** The options that requests are made of. */
export interface RequestOptions {
  /** A function is called before each attempt, so that a token is never stale. */
  readonly headers?: Asked<RequestInit["headers"]>;
  /** @default "POST" with a body, else "GET" */
  readonly method?: "GET" | "POST";
  /** A stream can be sent only once: give a function that makes a new one. */
  readonly body?: Asked<RequestInit["body"]>;
  /**
   * Whether a POST may be repeated. If not, its stream is resumed with GET.
   * @default false
   */
  readonly idempotent?: boolean;
  /** Where the stream of a POST that must not be repeated is resumed. @default the URL of the POST */
  readonly resumeUrl?: Asked<string | URL>;
  /** As for `fetch`. */
  readonly credentials?: NonNullable<RequestInit["credentials"]>;
  /** @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch;
  /**
   * How the cursor is sent: in the header `Last-Event-ID`, or in the query parameter `lastEventId`, which needs no CORS
   * preflight.
   * @default "header"
   */
  readonly resumeBy?: "header" | "query";
}
