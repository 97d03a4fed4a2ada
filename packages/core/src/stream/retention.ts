import type { Clock } from "../base/clock.ts";
import type { Stream } from "./stream.ts";

export interface RetentionOptions {
  /** How long an ended stream is held, in ms. */
  readonly linger: number;
  /** How long a stream is held without a push and without a reader, in ms. */
  readonly idle: number;
  /** Whether the stream runs only while it has readers. */
  readonly needsReaders: boolean;
  /** Whether its producer is in another process, where it goes on without these readers. */
  readonly isReplica: boolean;
  readonly forget: () => void;
}

/**
 * How long a stream is held: one timer, whose meaning depends on the stream. An ended stream is forgotten after `linger`.
 * One that needs readers is stopped `linger` after the last of them has left. Any other with no push and no reader for
 * `idle` is over: a live stream expires, a channel is forgotten until its next push.
 */
export class Retention {
  readonly #clock: Clock;
  readonly #stream: Stream;
  readonly #options: RetentionOptions;
  #needsReaders: boolean;
  #cancelTimer: () => void;

  constructor(clock: Clock, stream: Stream, options: RetentionOptions) {
    this.#clock = clock;
    this.#stream = stream;
    this.#options = options;
    this.#needsReaders = options.needsReaders;
    this.#cancelTimer = this.#startTimer(options.needsReaders ? options.linger : options.idle);
  }

  get needsReaders(): boolean {
    return this.#needsReaders;
  }

  /** An application continues the stream: from now on it runs without readers, too. */
  keepWithoutReaders(): void {
    if (!this.#needsReaders) return;
    this.#needsReaders = false;
    this.#cancelTimer();
    this.#cancelTimer = this.#startTimer(this.#options.idle);
  }

  /** A reader was attached or detached. */
  readersChanged(): void {
    if (!this.#needsReaders || this.#stream.end !== undefined) return;
    this.#cancelTimer();
    if (this.#stream.readers.size === 0) this.#cancelTimer = this.#startTimer(this.#options.linger);
  }

  /** The stream has ended. */
  startLinger(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#startTimer(this.#options.linger);
  }

  stop(): void {
    this.#cancelTimer();
  }

  #startTimer(ms: number): () => void {
    return ms === Infinity ? () => undefined : this.#clock.after(ms, () => this.#expire());
  }

  #expire(): void {
    const { idle, forget } = this.#options;
    const stream = this.#stream;
    if (stream.end !== undefined) return forget();
    if (this.#needsReaders) return this.#stopStream();
    const now = this.#clock.now();
    const idleAt = (stream.readers.size > 0 ? now : stream.lastActiveAt) + idle;
    if (idleAt > now) this.#cancelTimer = this.#startTimer(idleAt - now);
    else if (stream.kind === "channel") forget();
    else stream.abort("expired");
  }

  /** Forgets the stream before its signal aborts, so that a client that connects now gets a fresh one. */
  #stopStream(): void {
    this.#options.forget();
    if (!this.#options.isReplica) this.#stream.abort("cancelled");
  }
}
