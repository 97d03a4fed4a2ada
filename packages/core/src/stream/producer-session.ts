import { createLatch } from "../base/latch.ts";

/** A cancel that leaves the producer some time. */
export interface CancelRequest {
  readonly reason: unknown;
  /** When the stream ends at the latest, by the clock of the registry. */
  readonly until: number;
  readonly cancelTimer: () => void;
}

/** One producer's part of a stream: from its `open` until it ends the stream, or until somebody else takes it away. */
export class ProducerSession {
  /** The first half of the ids of this producer's events. */
  readonly epoch: string;
  /** For how long the stream waits for another producer if this one fails, in ms. */
  readonly retryWindow: number;
  readonly #stopLatch = createLatch();
  readonly #revokeLatch = createLatch();
  #hasEnded = false;

  constructor(epoch: string, retryWindow: number) {
    this.epoch = epoch;
    this.retryWindow = retryWindow;
  }

  /** Whether what this producer pushes is taken. */
  get isActive(): boolean {
    return !this.#hasEnded && !this.#revokeLatch.closed;
  }

  /** Whether the producer itself has ended or failed the stream. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Why the stream was taken away from the producer; `undefined` if it was not. */
  get revokeReason(): unknown {
    return this.#revokeLatch.reason;
  }

  /** Aborts when somebody else wants the producer to stop: by a cancel, an expiry, a take-over or a closing registry. */
  get signal(): AbortSignal {
    return this.#stopLatch.signal;
  }

  /** The producer ends or fails the stream. */
  end(): void {
    this.#hasEnded = true;
  }

  /** Aborts the signal. What the producer pushes is still taken. Without effect after {@link end}. */
  requestStop(reason: unknown): void {
    if (!this.#hasEnded) this.#stopLatch.close(reason);
  }

  /** Takes the stream away: aborts the signal, and ignores later pushes. Without effect after {@link end}. */
  revoke(reason: unknown): void {
    if (this.#hasEnded) return;
    this.#stopLatch.close(reason);
    this.#revokeLatch.close(reason);
  }

  /** Calls `callback` when the stream is taken away, at once if it was. Returns how to remove it. */
  onRevoked(callback: (reason: unknown) => void): () => void {
    return this.#revokeLatch.defer(callback);
  }
}
