import type { OpenSink, Sink, SinkEvents, SseRequest } from "../connection/sink.ts";

/** Options of {@link createMemoryClient}. */
export interface MemoryClientOptions {
  /** The method of the request. @default "GET" */
  readonly method?: string;
  /** The client's cursor, as in `Last-Event-ID`. @default undefined, for a new client */
  readonly cursor?: string;
}

/**
 * A client without a network, for tests: a request for `serve`, and the sink of the response. It throws if core breaks
 * the contract of {@link Sink}, for instance by a write before `drained()`.
 */
export interface MemoryClient {
  /** Pass it to `serve`, with `open`. */
  readonly request: SseRequest;
  /** Pass it to `serve`, behind `request`. It begins the response. */
  readonly open: OpenSink;
  /** The status of the response; `undefined` before there is one. */
  readonly status: number | undefined;
  /** The headers of the response; empty before there is one. */
  readonly headers: Readonly<Record<string, string>>;
  /** Everything that was written so far. */
  readonly text: string;
  /** How many calls of `write` that took. */
  readonly writes: number;
  /**
   * `idle`: no response yet. `closing`: ended by the server, but not flushed. `flushed`: ended in order. `cut`: ended by the
   * server behind its last bytes, but visibly incomplete. `destroyed`: cut off at once by the server. `left`: the client has
   * left.
   */
  readonly state: "idle" | "open" | "closing" | "flushed" | "cut" | "destroyed" | "left";
  /** Whether something was written that the client has not read: there is back-pressure. */
  readonly held: boolean;
  /** Stops reading: from now on the first `write` returns `false`. */
  stall(): void;
  /** Reads everything, and goes on reading. */
  drain(): void;
  /** Closes the client's side: the request's signal aborts. */
  leave(): void;
}

/**
 * Creates a client without a network.
 *
 * @example
 * const client = createMemoryClient({ cursor: "4k1x9b2m7q.41" });
 * void serve(client.request, client.open, jobs.stream("42"));
 * await clock.flush();
 * expect(client.text).toContain("stream.open");
 */
export function createMemoryClient(options: MemoryClientOptions = {}): MemoryClient {
  const { method = "GET", cursor } = options;
  const left = new AbortController();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let events: SinkEvents | undefined;
  let status: number | undefined;
  let headers: Readonly<Record<string, string>> = {};
  let text = "";
  let writes = 0;
  let state: MemoryClient["state"] = "idle";
  let stalled = false;
  let pending = false;
  let ending: "flushed" | "cut" = "flushed";

  function finish(how: "flushed" | "cut" | "destroyed"): void {
    state = how;
    events?.closed();
  }

  function end(how: "flushed" | "cut"): void {
    if (state !== "open") return;
    ending = how;
    state = "closing";
    if (!pending) finish(how);
  }

  const isOver = (): boolean => ["flushed", "cut", "destroyed", "left"].includes(state);

  return {
    request: { method, cursor, signal: left.signal },
    open(responseStatus, responseHeaders, sinkEvents): Sink {
      if (status !== undefined) throw new Error("The response was started twice.");
      status = responseStatus;
      headers = responseHeaders;
      events = sinkEvents;
      if (state === "left") queueMicrotask(() => sinkEvents.closed());
      else state = "open";
      return {
        write(bytes) {
          if (state !== "open") return false;
          if (pending) throw new Error("Written to before it had drained.");
          text += decoder.decode(bytes, { stream: true });
          writes++;
          pending = stalled;
          return !stalled;
        },
        close: () => end("flushed"),
        cut: () => end("cut"),
        destroy() {
          if (!isOver()) finish("destroyed");
        },
      };
    },
    get status() {
      return status;
    },
    get headers() {
      return headers;
    },
    get text() {
      return text;
    },
    get writes() {
      return writes;
    },
    get state() {
      return state;
    },
    get held() {
      return pending;
    },
    stall() {
      stalled = true;
    },
    drain() {
      stalled = false;
      if (!pending) return;
      pending = false;
      if (state === "closing") finish(ending);
      else if (state === "open") events?.drained();
    },
    leave() {
      if (isOver()) return;
      const hasResponse = state !== "idle";
      state = "left";
      left.abort();
      if (hasResponse) events?.closed();
    },
  };
}
