import type { Clock } from "../base/clock.ts";
import type { Stream } from "./stream.ts";

export interface RetentionOptions {
  readonly linger: number;
  readonly idle: number;
  /** Whether the stream runs for its readers alone. */
  readonly sourced: boolean;
  /** Whether it goes on elsewhere without them. @default false */
  readonly replica?: boolean;
}

/**
 * How long a stream is held: one timer, whose meaning depends on the stream. An ended stream is forgotten after
 * `linger`. One that runs for its readers alone is stopped `linger` after the last of them. Any other with no push and
 * no reader for `idle` is over: a live stream expires, a channel is forgotten until its next push.
 */
export class Retention {
  readonly #clock: Clock;
  readonly #stream: Stream;
  readonly #options: RetentionOptions;
  readonly #forget: () => void;
  #cancel: () => void;

  constructor(clock: Clock, stream: Stream, options: RetentionOptions, forget: () => void) {
    this.#clock = clock;
    this.#stream = stream;
    this.#options = options;
    this.#forget = forget;
    this.#cancel = this.#after(options.sourced ? options.linger : options.idle);
  }

  /** A reader came or left. */
  attended(): void {
    if (!this.#options.sourced || this.#stream.end !== undefined) return;
    this.#cancel();
    if (this.#stream.readers.size === 0) this.#cancel = this.#after(this.#options.linger);
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
    return ms === Infinity ? () => undefined : this.#clock.after(ms, () => this.#due());
  }

  #due(): void {
    if (this.#stream.end !== undefined) return this.#forget();
    if (this.#options.sourced) return this.#stop();
    const idleAt =
      (this.#stream.readers.size > 0 ? this.#clock.now() : this.#stream.activeAt) + this.#options.idle;
    if (idleAt > this.#clock.now()) this.#cancel = this.#after(idleAt - this.#clock.now());
    else if (this.#stream.kind === "channel") this.#forget();
    else this.#stream.take("expired");
  }

  /** It leaves the registry before its signal aborts: whoever comes now gets a fresh one, never a dying one. */
  #stop(): void {
    this.#forget();
    if (this.#options.replica !== true) this.#stream.take("cancelled");
  }
}
