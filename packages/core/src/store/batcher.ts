import { backoff } from "../base/backoff.ts";
import type { StoreClient } from "./store-client.ts";

/** A batch is sent in the next turn, or this many ms after the one before, or as soon as it has this many frames. */
const BATCH = { delay: 5, frames: 64 };
/** The back-off while the store answers, but takes nothing. */
const RETRY = { base: 100, cap: 5_000 };
/** How much one append carries at most. */
const MAX_APPEND = { frames: 1_024, bytes: 262_144 };

export interface BatcherOptions {
  readonly client: StoreClient;
  /**
   * Sends what is pending, in one append. Resolves with whether the store took it; otherwise, and if it rejects, it is sent
   * again later.
   */
  readonly send: () => Promise<boolean>;
  /**
   * Called after each send, unless the batcher was stopped. Returns in how many ms to send again: 0 if more is pending,
   * `undefined` for not before the next {@link Batcher.request}. After a failure only the back-off counts.
   */
  readonly next: () => number | undefined;
}

/** Decides when a producer sends to the store: in batches, one at a time, with back-off while the store takes nothing. */
export class Batcher {
  readonly #options: BatcherOptions;
  readonly #delay = backoff(RETRY);
  #isSending = false;
  #isStopped = false;
  #failures = 0;
  #sentAt = -Infinity;
  #due = Infinity;
  #cancelTimer: () => void = () => undefined;

  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  /** Whether the last send failed, so that a retry is due. */
  get isRetrying(): boolean {
    return this.#failures > 0;
  }

  /** Frames are pending; `isUrgent` if they should not wait for more. */
  request(frames: number, isUrgent = false): void {
    // Behind a send that is under way `next` is asked, and a retry has a timer already.
    if (this.#isSending || this.isRetrying) return;
    if (isUrgent || frames >= BATCH.frames) this.#sendNow();
    else this.sendIn(this.#sentAt + BATCH.delay - this.#options.client.clock.now());
  }

  /** Sends in `ms` or sooner, in the next turn if that is now; a retry keeps its time. */
  sendIn(ms: number): void {
    // Behind a send that is under way `next` is asked. A timer that fired during it would send nothing.
    if (!this.#isSending && !this.isRetrying) this.#sendIn(ms);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
  }

  #sendNow(): void {
    if (!this.#isSending && !this.#isStopped) void this.#run();
  }

  #sendIn(ms: number): void {
    const { clock } = this.#options.client;
    const due = clock.now() + Math.max(0, ms);
    if (due >= this.#due || this.#isStopped) return;
    this.#cancelTimer();
    this.#due = due;
    const send = (): void => this.#sendNow();
    this.#cancelTimer = ms > 0 ? clock.after(ms, send) : clock.soon(send);
  }

  async #run(): Promise<void> {
    const { client, send, next } = this.#options;
    this.#cancelTimer();
    this.#due = Infinity;
    this.#isSending = true;
    this.#sentAt = client.clock.now();
    const wasRetrying = this.isRetrying;
    // The client reports outages.
    const outcome = await send().then(
      (isTaken) => (isTaken ? "taken" : "refused"),
      () => "failed",
    );
    if (wasRetrying && outcome !== "failed") client.retries.release();
    const mustWaitInTurn = outcome === "failed" && client.health.isAway("write");
    this.#failures = outcome === "taken" ? 0 : mustWaitInTurn ? 1 : this.#failures + 1;
    this.#isSending = false;
    if (this.#isStopped) return;
    const wait = next();
    if (this.#isStopped) return;
    // In an outage all producers share one queue.
    if (mustWaitInTurn) this.#cancelTimer = client.retries.add(() => this.#sendNow());
    else if (this.isRetrying) this.#sendIn(this.#delay(this.#failures - 1, client.random()));
    else if (wait === 0) this.#sendNow();
    else if (wait !== undefined) this.#sendIn(wait);
  }
}

/** The first of these frames that fit into one append: at least one if there is one, however large. */
export function takeBatch(frames: Iterable<Uint8Array>): Uint8Array[] {
  const batch: Uint8Array[] = [];
  let bytes = 0;
  for (const frame of frames) {
    bytes += frame.length;
    if (batch.length > 0 && (bytes > MAX_APPEND.bytes || batch.length >= MAX_APPEND.frames)) break;
    batch.push(frame);
  }
  return batch;
}
