/** What is due for a connection: a heartbeat, or the reason to end it. */
export type DueAction = "heartbeat" | "zombie" | "max-duration";

export interface DeadlineOptions {
  /** In ms without a write. */
  readonly heartbeat: number;
  /** How long the sink may take to flush what it was given, in ms. */
  readonly idleTimeout: number;
  /** In ms since the start. */
  readonly maxDuration: number;
}

/** When a connection needs a heartbeat or must end. All times are in ms of the clock. */
export class ConnectionDeadlines {
  readonly #options: DeadlineOptions;
  #lastWrite = 0;
  #expiresAt = Infinity;
  #paused = false;
  #closing = false;
  /** Since when the connection has been paused or closing. */
  #flushingSince = 0;

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

  /** The sink asks to wait. It has `idleTimeout` to flush. */
  pause(now: number): void {
    this.#paused = true;
    this.#flushingSince = now;
  }

  resume(): void {
    this.#paused = false;
  }

  /** The last write was made. The sink has `idleTimeout` to flush it. */
  close(now: number): void {
    this.#closing = true;
    this.#flushingSince = now;
  }

  /** When something is due next. */
  get next(): number {
    const { heartbeat, idleTimeout } = this.#options;
    if (this.#closing) return this.#flushingSince + idleTimeout;
    const next = this.#paused ? this.#flushingSince + idleTimeout : this.#lastWrite + heartbeat;
    return Math.min(next, this.#expiresAt);
  }

  /** What is due now; when several things are, the first in this order. */
  due(now: number): DueAction | undefined {
    const { heartbeat, idleTimeout } = this.#options;
    const isFlushing = this.#paused || this.#closing;
    if (isFlushing && now >= this.#flushingSince + idleTimeout) return "zombie";
    if (this.#closing) return undefined;
    if (now >= this.#expiresAt) return "max-duration";
    return !this.#paused && now >= this.#lastWrite + heartbeat ? "heartbeat" : undefined;
  }
}
