/**
 * Where bytes go: the adapter's side of the seam. No member throws, and every member may be called late,
 * twice, or after the end, where it does nothing.
 */
export interface Sink {
  /**
   * Returns `false` for "hold": nothing more is written until `drained()`. After the end: nothing, `false`.
   * MAY keep the view until it is flushed. MUST NOT change or transfer its memory: all readers share it.
   */
  write(bytes: Uint8Array): boolean;
  /** Ends the response in order, behind everything written. `closed()` follows when it is flushed. */
  close(): void;
  /** Cuts the response now. `closed()` follows. No reason: the peer is gone, and nobody is there to be told. */
  destroy(reason?: unknown): void;
}

/** How a sink talks back. */
export interface SinkEvents {
  /** The buffer is empty again. Counts only after a `write` that said `false`. */
  drained(): void;
  /** The response is over, flushed or cut. MUST be called exactly once for each sink. */
  closed(): void;
}

/** What core needs to know of a request. */
export interface SseRequest {
  /** The raw method: a framework may run its GET handler for HEAD. */
  readonly method: string;
  /** The client's last event id, as `readCursor` gives it. */
  readonly cursor: string | undefined;
  /** Aborts when the peer is gone, whatever the cause. */
  readonly signal: AbortSignal;
}

/** Begins the response: called exactly once for each request, whatever the answer. */
export type OpenSink = (status: number, headers: Record<string, string>, events: SinkEvents) => Sink;
