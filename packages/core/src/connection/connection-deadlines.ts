import type { Sink } from "./sink.ts";

/** What is due for a connection: a heartbeat, or the reason to end it. */
export type DueAction = "heartbeat" | "zombie" | "max-duration";

export interface DeadlineOptions {
  /** In ms without a write. */
  readonly heartbeat: number;
  /** For how long the sink may flush nothing of what it was given, in ms. */
  readonly idleTimeout: number;
  /** In ms since the start. */
  readonly maxDuration: number;
}

/** How often in `idleTimeout` a connection that flushes is checked for progress. */
const CHECKS = 4;

/** When a connection needs a heartbeat or must end. All times are in ms of the clock. */
export class ConnectionDeadlines {
  readonly #options: DeadlineOptions;
  #lastWrite = 0;
  #expiresAt = Infinity;
  #paused = false;
  #closing = false;
  /** Since when the sink has flushed nothing, while the connection is paused or closing. */
  #stalledSince = 0;
  /** What the sink had flushed then, in a unit of its own; `undefined` if it does not say. */
  #progress: number | undefined;
  #nextCheck = 0;

  constructor(options: DeadlineOptions) {
    this.#options = options;
  }

  /**
   * The connection has started.
   *
   * @param random in [0, 1): varies the longest duration by 10 %, so that clients do not reconnect together
   */
  start(now: number, random: number): void {
    this.#lastWrite = now;
    this.#expiresAt = now + this.#options.maxDuration * (0.9 + 0.2 * random);
  }

  /** Something was written. */
  wrote(now: number): void {
    this.#lastWrite = now;
  }

  /** Whether nothing may be written, because the sink has not flushed what it was given. */
  get paused(): boolean {
    return this.#paused;
  }

  /** The sink asks to wait. It has `idleTimeout` to flush, and again whenever it has flushed something. */
  pause(now: number, progress?: number): void {
    this.#paused = true;
    this.#startFlush(now, progress);
  }

  resume(): void {
    this.#paused = false;
  }

  /** The last write was made. The sink has time to flush it as after a pause. */
  close(now: number, progress?: number): void {
    this.#closing = true;
    this.#expiresAt = Math.max(this.#expiresAt, now + this.#options.idleTimeout);
    this.#startFlush(now, progress);
  }

  /** When something is due next. */
  get next(): number {
    const next = this.#isFlushing ? this.#nextCheck : this.#lastWrite + this.#options.heartbeat;
    return Math.min(next, this.#expiresAt);
  }

  /**
   * What is due now; when several things are, the first in this order.
   *
   * @param sink says what it has flushed by now
   * @param early a heartbeat may be so many ms early
   */
  due(now: number, sink?: Pick<Sink, "progress">, early = 0): DueAction | undefined {
    if (this.#isFlushing && now >= this.#nextCheck && this.#isStalled(now, sink?.progress?.()))
      return "zombie";
    if (now >= this.#expiresAt) return this.#closing ? "zombie" : "max-duration";
    return !this.#isFlushing && now + early >= this.#lastWrite + this.#options.heartbeat
      ? "heartbeat"
      : undefined;
  }

  get #isFlushing(): boolean {
    return this.#paused || this.#closing;
  }

  #startFlush(now: number, progress: number | undefined): void {
    this.#stalledSince = now;
    this.#progress = progress;
    this.#scheduleCheck(now);
  }

  #isStalled(now: number, progress: number | undefined): boolean {
    if (progress !== this.#progress) {
      this.#startFlush(now, progress);
      return false;
    }
    this.#scheduleCheck(now);
    return now >= this.#stalledSince + this.#options.idleTimeout;
  }

  #scheduleCheck(now: number): void {
    const { idleTimeout } = this.#options;
    const interval = this.#progress === undefined ? idleTimeout : idleTimeout / CHECKS;
    this.#nextCheck = Math.min(now + interval, this.#stalledSince + idleTimeout);
  }
}
