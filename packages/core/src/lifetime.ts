import type { Clock } from "./clock.ts";
import type { Stream } from "./stream.ts";

export interface LifetimeOptions {
  readonly linger: number;
  readonly idle: number;
}

/**
 * How long a stream is held: one timer, whose meaning depends on the stream. An ended stream is forgotten after
 * `linger`. One with no push and no reader for `idle` is over: a live stream expires, a channel is forgotten until
 * its next push.
 */
export class Lifetime {
  readonly #clock: Clock;
  readonly #stream: Stream;
  readonly #options: LifetimeOptions;
  readonly #forget: () => void;
  #activeAt: number;
  #cancel: () => void;

  constructor(clock: Clock, stream: Stream, options: LifetimeOptions, forget: () => void) {
    this.#clock = clock;
    this.#stream = stream;
    this.#options = options;
    this.#forget = forget;
    this.#activeAt = clock.now();
    this.#cancel = this.#after(options.idle);
  }

  /** Something was pushed, or a reader came or left. */
  touch(): void {
    this.#activeAt = this.#clock.now();
  }

  /** The stream has ended. */
  linger(): void {
    this.#cancel();
    this.#cancel = this.#after(this.#options.linger);
  }

  stop(): void {
    this.#cancel();
  }

  #after(ms: number): () => void {
    return this.#clock.after(ms, () => this.#due());
  }

  #due(): void {
    if (this.#stream.end !== undefined) return this.#forget();
    const idleAt = (this.#stream.readers.size > 0 ? this.#clock.now() : this.#activeAt) + this.#options.idle;
    if (idleAt > this.#clock.now()) this.#cancel = this.#after(idleAt - this.#clock.now());
    else if (this.#stream.kind === "channel") this.#forget();
    else this.#stream.take("expired");
  }
}
