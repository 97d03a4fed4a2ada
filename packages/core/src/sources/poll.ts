import { bridgeAbort } from "../abort-bridge.ts";
import { backoff, type BackoffOptions } from "../backoff.ts";
import { check, checkDelay } from "../check.ts";
import { type Clock, systemClock } from "../clock.ts";
import { HoldfastError } from "../errors.ts";
import { createLatch } from "../latch.ts";

/** What one read has found. */
export interface PollResult<Event, Cursor> {
  readonly events: readonly Event[];
  /** Where the next read goes on. */
  readonly cursor: Cursor;
  /** Whether there will be no more. @default false */
  readonly done?: boolean;
}

export interface PollOptions<Event, Cursor> {
  /**
   * Reads what has come since `cursor`. `null`: the thing is gone. Its signal aborts when nobody waits for the answer
   * any more; a read that ignores it is not waited for.
   */
  readonly read: (
    cursor: Cursor,
    context: { readonly signal: AbortSignal },
  ) => PollResult<Event, Cursor> | null | PromiseLike<PollResult<Event, Cursor> | null>;
  /** Where the first read begins. */
  readonly cursor?: Cursor;
  /** How long to wait between two reads, in ms. @default 500 */
  readonly interval?: number;
  /** How long to wait after a read that failed. @default 1_000 to 30_000 ms, doubled each time, with full jitter */
  readonly backoff?: BackoffOptions;
  /** Ends the polling, with nothing left pending. */
  readonly signal?: AbortSignal | undefined;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: () => number;
}

/**
 * Turns a query into events. It reads only while somebody asks for more, one read at a time. A read that throws is
 * tried again with backoff; each outage is told once, as a retryable `SOURCE_FAILED` among the events, which a stream
 * tells its readers without ending.
 *
 * @throws `INVALID_OPTION`; (from `next()`) `GONE` when a read finds the thing gone, and a {@link HoldfastError} of
 * `read` that is not retryable
 *
 * @example
 * void job.pipe(({ signal }) => poll({ signal, cursor: 0, read: (after) => db.eventsAfter(id, after) }));
 */
export function poll<Event, Cursor = undefined>(
  options: PollOptions<Event, Cursor>,
): AsyncIterableIterator<Event | HoldfastError> {
  return new Poll(options);
}

class Poll<Event, Cursor> implements AsyncIterableIterator<Event | HoldfastError> {
  readonly #read: PollOptions<Event, Cursor>["read"];
  readonly #interval: number;
  readonly #delay: (attempt: number, random: number) => number;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #latch = createLatch();
  readonly #found: (Event | HoldfastError)[] = [];
  #cursor: Cursor;
  #wait = 0;
  #failures = 0;
  #done = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PollOptions<Event, Cursor>) {
    const { read, cursor, interval = 500, signal, clock = systemClock, random = Math.random } = options;
    check(typeof read === "function", "read", "a function", read);
    checkDelay("interval", interval);
    this.#read = read;
    this.#cursor = cursor as Cursor;
    this.#interval = interval;
    this.#delay = backoff(options.backoff);
    this.#clock = clock;
    this.#random = random;
    bridgeAbort(signal, this.#latch);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Event | HoldfastError>> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Does not wait for a pending `next`, which ends with it. */
  return(): Promise<IteratorResult<Event | HoldfastError>> {
    this.#latch.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #next(): Promise<IteratorResult<Event | HoldfastError>> {
    try {
      while (!this.#latch.closed) {
        const value = this.#found.shift();
        if (value !== undefined) return { done: false, value };
        if (this.#done) break;
        await this.#pause();
        await this.#readOnce();
      }
    } catch (error) {
      this.#latch.close();
      throw error;
    }
    return this.return();
  }

  /** Resolves after the wait that is due, or when the polling is over. */
  #pause(): Promise<void> | undefined {
    const ms = this.#wait;
    if (ms === 0) return undefined;
    return new Promise((resolve) => {
      const undefer = this.#latch.defer(() => {
        disarm();
        resolve();
      });
      const disarm = this.#clock.after(ms, () => {
        undefer();
        resolve();
      });
    });
  }

  async #readOnce(): Promise<void> {
    if (this.#latch.closed) return;
    try {
      const result = await this.#raced();
      if (this.#latch.closed || result === undefined) return;
      if (result === null) throw new HoldfastError("GONE", "It does not exist any more.");
      for (const event of result.events) this.#found.push(event);
      this.#cursor = result.cursor;
      this.#done = result.done === true;
      this.#failures = 0;
      this.#wait = this.#interval;
    } catch (error) {
      if (this.#latch.closed) return;
      if (error instanceof HoldfastError && !error.retryable) throw error;
      this.#fail(error);
    }
  }

  /** The read's result; `undefined` as soon as nobody waits for it. */
  #raced(): Promise<PollResult<Event, Cursor> | null | undefined> {
    return new Promise((resolve, reject) => {
      const undefer = this.#latch.defer(() => resolve(undefined));
      const settle = async (): Promise<void> => {
        try {
          resolve(await this.#read(this.#cursor, { signal: this.#latch.signal }));
        } catch (error) {
          reject(error);
        } finally {
          undefer();
        }
      };
      void settle();
    });
  }

  /** Waits longer each time; tells of an outage once. */
  #fail(cause: unknown): void {
    this.#wait = this.#delay(this.#failures++, this.#random());
    if (this.#failures > 1) return;
    const retryAfter = Math.round(this.#wait);
    const message = "The source does not answer; trying again.";
    this.#found.push(new HoldfastError("SOURCE_FAILED", message, { cause, retryable: true, retryAfter }));
  }
}
