// Tested by test/store/stream-producer.test.ts.
import { frameLog } from "../log/log.ts";
import type { HighWatermark } from "../stream/archive.ts";
import type { Stream } from "../stream/stream.ts";
import type { Backlog } from "../stream/writer.ts";
import { notStoredError } from "./stored-end.ts";

interface Flush {
  /** The number of the last frame that it waits for. */
  readonly number: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What of a stream the store does not have yet, and those who wait for it. */
export class StreamBacklog implements HighWatermark, Backlog {
  /** Resolves when the store has the end, or somebody else's, or when that was given up. */
  readonly settled: Promise<void>;
  readonly #stream: Stream;
  readonly #requestSend: () => void;
  #settle: () => void = () => undefined;
  #last: number;
  #ended = false;
  /** Those who wait for room in the log. */
  #waitingForRoom: (() => void)[] = [];
  #flushes: Flush[] = [];

  /** @param requestSend sends soon what is pending */
  constructor(stream: Stream, requestSend: () => void) {
    this.#stream = stream;
    this.#requestSend = requestSend;
    this.#last = stream.log.last;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** The number of the last frame that the store has. */
  get last(): number {
    return this.#last;
  }

  /** Whether the store has all that it will ever get. */
  get ended(): boolean {
    return this.#ended;
  }

  /** How many frames the store does not have. */
  get size(): number {
    return this.#stream.log.last - this.#last;
  }

  *frames(): Generator<Uint8Array> {
    const log = frameLog(this.#stream);
    for (let number = this.#last + 1; number <= log.last; number++) yield log.frame(number);
  }

  /** Whether one more frame could push a frame off the log that the store does not have. */
  get full(): boolean {
    return !this.#ended && !frameLog(this.#stream).hasRoom(this.#last + 1);
  }

  room(): Promise<void> {
    if (!this.full || this.#stream.end !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForRoom.push(resolve));
  }

  flushed(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    if (this.#ended) return Promise.reject(notStoredError());
    const number = this.#stream.log.last;
    this.#requestSend();
    return new Promise((resolve, reject) => this.#flushes.push({ number, resolve, reject }));
  }

  /** The store has the frames up to number `last`: more than before, or fewer if it has lost some. */
  setLast(last: number): void {
    this.#last = last;
    this.resolveRoom();
    if (this.#flushes.length === 0) return;
    const flushed = this.#flushes.filter(({ number }) => number <= last);
    this.#flushes = this.#flushes.filter(({ number }) => number > last);
    for (const { resolve } of flushed) resolve();
  }

  /** Those who wait for room go on if there is some, or if none is needed any more. */
  resolveRoom(): void {
    if (this.#waitingForRoom.length === 0 || (this.full && this.#stream.end === undefined)) return;
    for (const resolve of this.#waitingForRoom.splice(0)) resolve();
  }

  /** Nothing more is sent. Idempotent. */
  end(): void {
    this.#ended = true;
    this.resolveRoom();
    for (const { reject } of this.#flushes.splice(0)) reject(notStoredError());
    this.#settle();
  }
}
