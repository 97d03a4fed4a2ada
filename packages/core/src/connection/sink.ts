// Tested by test/connection/web-sink.test.ts, test/connection/paged-sink.test.ts and, for every adapter, by the suite of packages/conformance.

/**
 * Where the bytes of one response go; an adapter implements it. No method may throw. Core may call every method late,
 * twice, or after the end, and it has no effect then.
 */
export interface Sink {
  /**
   * Writes bytes: whole events, unless one is larger than what is written at once. Returns `false` for back-pressure: core writes nothing more before `drained()`. After the end it
   * writes nothing and returns `false`.
   *
   * The sink MAY keep the array until it is flushed. It MUST NOT change or transfer its memory, which all readers
   * share.
   *
   * @param events how many user events the bytes have; none are what only this client gets, such as a heartbeat. Each page
   * of a large write has the number of the whole write
   */
  write(bytes: Uint8Array, events?: number): boolean;
  /** Ends the response in order, after everything that was written. `closed()` follows when it is flushed. */
  close(): void;
  /**
   * Ends the response behind everything written, so that the client sees that it is incomplete: a FIN without the last
   * chunk, RST_STREAM with `INTERNAL_ERROR`, an error of the web stream. What was written MUST NOT be lost, so never a RST
   * of TCP. `closed()` follows.
   *
   * Chromium drops what it has not read when a response fails, so the cut SHOULD come 100 ms after the last bytes.
   */
  cut(reason: unknown): void;
  /** Cuts the response now. `closed()` follows. Without a reason the client has already left. */
  destroy(reason?: unknown): void;
  /**
   * How many bytes the transport has taken, in any unit, so that core sees whether a slow client reads: while the number
   * changes, it is not cut. Core asks only while it waits for `drained()` or `closed()`, and takes a `drained()` for progress
   * too.
   */
  progress?(): number;
  /**
   * How many bytes `write` gets at once, at most: the smallest progress of a client that can be seen.
   * @default 65_536 without `progress`, else no limit
   */
  readonly pageBytes?: number;
}

/** What a sink reports to core. */
export interface SinkEvents {
  /** Everything written is flushed. Has an effect only after a `write` that returned `false`. */
  drained(): void;
  /** The response is over, flushed or cut. MUST be called exactly once for each sink. */
  closed(): void;
}

/** What core needs to know about a request. */
export interface SseRequest {
  /** The method as it was sent: a framework may run its GET handler for a HEAD request. */
  readonly method: string;
  /** The id of the last event that the client has, from `readCursor`. */
  readonly cursor: string | undefined;
  /** Aborts when the client is gone, for whatever reason. */
  readonly signal: AbortSignal;
  /** The header `Accept-Encoding`; `undefined` over HTTP/1.0. Only `compression` needs it. */
  readonly acceptEncoding?: string | undefined;
  /** The URL, absolute or from its path on. Only `multiplex` needs it. */
  readonly url?: string | undefined;
  /**
   * Reads the body, as text or as the object that a parser has made of it; what is behind `maxBytes` may be missing. Only
   * `multiplex` calls it, once, for a POST.
   */
  readonly body?: (maxBytes: number) => Promise<unknown>;
  /**
   * Says the same, for adapters whose servers have many idle clients: core then leaves `signal` alone, which MAY be a getter
   * that creates the signal. A signal with a listener takes 0.8 KB. @default core listens to `signal`
   */
  readonly client?: ClientState | undefined;
  /**
   * Resolves when the response may begin or `signal` has aborted: the client is not admitted before. For a pipelined request
   * of HTTP/1.1, whose response has no connection before its turn. @default at once
   */
  readonly ready?: Promise<void> | undefined;
}

/** Whether the client of a request is still there. */
export interface ClientState {
  /** Whether the client has left, or its response was over before. */
  readonly isGone: boolean;
  /** Calls `listener.abort()` once when the client is gone, not inside this call. Core calls it at most once. */
  onGone(listener: { abort(): void }): void;
}

/** Whether the client of a request is gone. */
export function isGone(request: SseRequest): boolean {
  return request.client?.isGone ?? request.signal.aborted;
}

/** Compresses a response: returns a function that begins it through `open`. */
export type Compression = (open: OpenSink, request: SseRequest) => OpenSink;

/**
 * Starts the response and returns its sink. Core calls it exactly once for each request, also for a response without a
 * body.
 *
 * @param whole all bytes of the body, where core knows them already. An adapter MAY send them at once and own them, if that
 * costs less; its sink then ignores `write` and `close`, which follow all the same.
 */
export type OpenSink = (
  status: number,
  headers: Record<string, string>,
  events: SinkEvents,
  whole?: Uint8Array,
) => Sink;
