import { checkOptions, type OptionNames } from "../base/check-options.ts";
import { bridgeAbort } from "../base/abort-bridge.ts";
import { backoff, BACKOFF_NAMES, type BackoffOptions } from "../base/backoff.ts";
import { check, checkDelay } from "../base/validate.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { HoldfastError } from "../base/errors.ts";
import { createLatch, type Latch } from "../base/latch.ts";

/** The result of one read. */
export interface PollResult<Event, Cursor> {
  /** The events behind the cursor, in order; empty if there are none. */
  readonly events: readonly Event[];
  /** Where the next read continues. */
  readonly cursor: Cursor;
  /** Whether these are the last events. @default false */
  readonly done?: boolean;
}

/** Options of {@link poll}. */
export interface PollOptions<Event, Cursor> {
  /**
   * Reads the events after `cursor`. It returns `null` if what it reads no longer exists. Its signal aborts when the
   * iteration ends; nothing waits for a read that ignores it.
   */
  readonly read: (
    cursor: Cursor,
    context: { readonly signal: AbortSignal },
  ) => PollResult<Event, Cursor> | null | PromiseLike<PollResult<Event, Cursor> | null>;
  /** The cursor of the first read. @default undefined */
  readonly cursor?: Cursor;
  /** The pause between two reads, in ms. @default 500 */
  readonly interval?: number;
  /**
   * Called when the polling starts, with a function that makes the next read start at once: for a source that can say that
   * it has changed. Without a call, reads follow each other after `interval`, so a lost notification delays events but
   * does not lose them. After a failed read the back-off stays. Returns how to unsubscribe, which is called at the end.
   */
  readonly wake?: (now: () => void) => () => void;
  /** The pause after a failed read, with full jitter. @default up to 1_000 ms, doubled each time, up to 30_000 ms */
  readonly backoff?: BackoffOptions;
  /** Ends the iteration; no read and no timer stays pending. */
  readonly signal?: AbortSignal | undefined;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: () => number;
}

const POLL_NAMES: OptionNames<PollOptions<unknown, unknown>> = {
  read: true,
  cursor: true,
  interval: true,
  backoff: true,
  wake: true,
  signal: true,
  clock: true,
  random: true,
};

/**
 * Turns a query into an iterable of events, by repeating it. There is one read at a time, and only while the consumer
 * wants more events.
 *
 * A read that throws is repeated with back-off. Each outage yields one retryable `SOURCE_FAILED` among the events,
 * which a stream or a bare source sends to its clients without ending.
 *
 * @throws `INVALID_OPTION`; and from `next()` `GONE` when `read` returns `null`, a {@link HoldfastError} of `read` that
 * is not retryable, `INVALID_OPTION` when `read` returns anything else than a {@link PollResult}
 *
 * @example
 * void job.pipe(({ signal }) => poll({ signal, cursor: 0, read: (after) => db.eventsAfter(id, after) }));
 */
export function poll<Event, Cursor = undefined>(
  options: PollOptions<Event, Cursor>,
): AsyncIterableIterator<Event | HoldfastError> {
  checkOptions(undefined, options, POLL_NAMES);
  checkOptions("backoff", options.backoff, BACKOFF_NAMES);
  const { read, interval = 500, wake, signal, clock = systemClock, random = Math.random } = options;
  check(typeof read === "function", "read", "a function", read);
  checkDelay("interval", interval);
  check(["function", "undefined"].includes(typeof wake), "wake", "a function", wake);
  const delay = backoff(options.backoff);
  const latch = createLatch();
  bridgeAbort(signal, latch);
  const pauses = new Pauses(latch, clock);

  async function* events(): AsyncGenerator<Event | HoldfastError, void> {
    let cursor = options.cursor as Cursor;
    let failures = 0;
    try {
      if (!latch.closed && wake !== undefined) latch.defer(subscribe(wake, pauses));
      while (!latch.closed) {
        let wait: number | undefined;
        pauses.begin();
        try {
          const returned = await untilClosed(latch, async () => read(cursor, { signal: latch.signal }));
          if (latch.closed) return;
          const result = checked(returned);
          failures = 0;
          cursor = result.cursor;
          for (const event of result.events) {
            yield event;
            if (latch.closed) return;
          }
          if (result.done === true) return;
        } catch (error) {
          if (latch.closed) return;
          if (HoldfastError.is(error) && !error.retryable) throw error;
          wait = Math.round(delay(failures, random()));
          if (failures++ === 0) yield outageError(error, wait);
        }
        await (wait === undefined ? pauses.pause(interval) : pauses.backOff(wait));
      }
    } finally {
      latch.close();
    }
  }

  const run = events();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => run.next(),
    // A generator's `return` waits for its pending `await`, which ends when the latch closes.
    return() {
      latch.close();
      return run.return();
    },
  };
}

function subscribe(wake: (now: () => void) => () => void, pauses: Pauses): () => void {
  const unsubscribe: unknown = wake(() => pauses.wake());
  check(typeof unsubscribe === "function", "wake", "a function that returns how to unsubscribe", unsubscribe);
  return unsubscribe as () => void;
}

function checked<Event, Cursor>(
  result: PollResult<Event, Cursor> | null | undefined,
): PollResult<Event, Cursor> {
  if (result === null) throw new HoldfastError("GONE", "It does not exist any more.");
  const events: unknown = result?.events;
  check(Array.isArray(events), "events", "an array in the result of `read`, or that result null", events);
  return result as PollResult<Event, Cursor>;
}

function outageError(cause: unknown, retryAfter: number): HoldfastError {
  const message = "The source does not answer; trying again.";
  return new HoldfastError("SOURCE_FAILED", message, { cause, retryable: true, retryAfter });
}

/** Settles as the promise of `start` does, but resolves with `undefined` as soon as the latch closes. */
function untilClosed<T>(latch: Latch, start: () => Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const undefer = latch.defer(() => resolve(undefined));
    start().then(resolve, reject).finally(undefer);
  });
}

/** The pauses between reads. All of them end when the latch closes. */
class Pauses {
  readonly #latch: Latch;
  readonly #clock: Clock;
  /** Whether there was a call of `wake` since the last read began. */
  #isWoken = false;
  #endPause: () => void = () => undefined;

  constructor(latch: Latch, clock: Clock) {
    this.#latch = latch;
    this.#clock = clock;
  }

  /** A read begins: it sees everything that was announced before. */
  begin(): void {
    this.#isWoken = false;
  }

  wake(): void {
    this.#isWoken = true;
    this.#endPause();
  }

  /** Resolves after `ms`, or as soon as there is a call of `wake`, also if it came during the read. */
  async pause(ms: number): Promise<void> {
    // In a macrotask, so that a source that announces something with every read does not starve the event loop.
    if (this.#isWoken) return new Promise((resolve) => this.#clock.soon(resolve));
    await this.#wait(ms, (end) => {
      this.#endPause = end;
    });
    this.#endPause = () => undefined;
  }

  /** Resolves after `ms`. */
  backOff(ms: number): Promise<void> {
    return this.#wait(ms);
  }

  #wait(ms: number, onStart?: (end: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimer = this.#clock.after(ms, () => {
        undefer();
        resolve();
      });
      const undefer = this.#latch.defer(() => {
        cancelTimer();
        resolve();
      });
      onStart?.(() => {
        cancelTimer();
        undefer();
        resolve();
      });
    });
  }
}
