import type { OpenSink, SinkEvents, SseRequest } from "../connection/sink.ts";

export interface MemoryClientOptions {
  /** @default "GET" */
  readonly method?: string;
  /** The client's `Last-Event-ID`. */
  readonly cursor?: string;
}

/**
 * A client without a network: a request for `serve`, and the sink that its answer goes to. It is strict: a write while
 * it holds throws.
 */
export interface MemoryClient {
  readonly request: SseRequest;
  readonly open: OpenSink;
  /** The answer's status; `undefined` before it. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Everything written so far. */
  readonly text: string;
  /** How many writes that took. */
  readonly writes: number;
  /** `flushed`: ended in order. `destroyed`: cut by the server. `left`: cut by the client. */
  readonly state: "idle" | "open" | "closing" | "flushed" | "destroyed" | "left";
  /** Whether it was written something that it has not taken. */
  readonly held: boolean;
  /** From now on what is written is not taken: the first `write` says hold. */
  stall(): void;
  /** Takes everything, now and from now on. */
  drain(): void;
  /** Leaves. */
  leave(): void;
}

export function createMemoryClient(options: MemoryClientOptions = {}): MemoryClient {
  const { method = "GET", cursor } = options;
  const peer = new AbortController();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let events: SinkEvents | undefined;
  let status: number | undefined;
  let headers: Readonly<Record<string, string>> = {};
  let text = "";
  let writes = 0;
  let state: MemoryClient["state"] = "idle";
  let stalled = false;
  let pending = false;

  function over(how: "flushed" | "destroyed" | "left"): void {
    state = how;
    events?.closed();
  }

  const isOver = (): boolean => state === "flushed" || state === "destroyed" || state === "left";

  return {
    request: { method, cursor, signal: peer.signal },
    open(answered, given, sinkEvents) {
      if (status !== undefined) throw new Error("A client is answered once.");
      status = answered;
      headers = given;
      events = sinkEvents;
      if (state === "left") queueMicrotask(() => sinkEvents.closed());
      else state = "open";
      return {
        write(bytes) {
          if (state !== "open") return false;
          if (pending) throw new Error("Written to while it held.");
          text += decoder.decode(bytes, { stream: true });
          writes++;
          pending = stalled;
          return !stalled;
        },
        close() {
          if (state !== "open") return;
          state = "closing";
          if (!pending) over("flushed");
        },
        destroy() {
          if (!isOver()) over("destroyed");
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
      if (state === "closing") over("flushed");
      else if (state === "open") events?.drained();
    },
    leave() {
      if (isOver()) return;
      const answered = state !== "idle";
      state = "left";
      peer.abort();
      if (answered) events?.closed();
    },
  };
}
