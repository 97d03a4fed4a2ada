import { bridgeAbort } from "../base/abort-bridge.ts";
import { backoff, type BackoffOptions } from "../base/backoff.ts";
import { check, checkDelay } from "../base/validate.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { HoldfastError } from "../base/errors.ts";
import { createLatch, type Latch } from "../base/latch.ts";

/** The result of one read. */
export interface PollResult<Event, Cursor> {
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
  /** The pause after a failed read, with full jitter. @default up to 1_000 ms, doubled each time, up to 30_000 ms */
  readonly backoff?: BackoffOptions;
  /** Ends the iteration; no read and no timer stays pending. */
  readonly signal?: AbortSignal | undefined;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: () => number;
}

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
  const { read, interval = 500, signal, clock = systemClock, random = Math.random } = options;
  check(typeof read === "function", "read", "a function", read);
  checkDelay("interval", interval);
  const delay = backoff(options.backoff);
  const latch = createLatch();
  bridgeAbort(signal, latch);

  async function* events(): AsyncGenerator<Event | HoldfastError, void> {
    let cursor = options.cursor as Cursor;
    let failures = 0;
    try {
      while (!latch.closed) {
        let wait = interval;
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
        await pause(latch, clock, wait);
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

/** Resolves after `ms`, or as soon as the latch closes. */
function pause(latch: Latch, clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const cancelTimer = clock.after(ms, () => {
      undefer();
      resolve();
    });
    const undefer = latch.defer(() => {
      cancelTimer();
      resolve();
    });
  });
}
