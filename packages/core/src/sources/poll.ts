import { bridgeAbort } from "../base/abort-bridge.ts";
import { backoff, type BackoffOptions } from "../base/backoff.ts";
import { check, checkDelay } from "../base/validate.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { HoldfastError } from "../base/errors.ts";
import { createLatch, type Latch } from "../base/latch.ts";

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
 * @throws `INVALID_OPTION`; (from `next()`) `GONE` when a read finds the thing gone, a {@link HoldfastError} of `read`
 * that is not retryable, `INVALID_OPTION` for a result of another shape
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
          const found = await raced(latch, async () => read(cursor, { signal: latch.signal }));
          if (latch.closed) return;
          const result = checked(found);
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
          if (failures++ === 0) yield outage(error, wait);
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
    // A generator's own `return` waits for what it awaits; all of that ends with the latch.
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
  check(Array.isArray(events), "events", "an array in what `read` gives, or null in place of all", events);
  return result as PollResult<Event, Cursor>;
}

function outage(cause: unknown, retryAfter: number): HoldfastError {
  const message = "The source does not answer; trying again.";
  return new HoldfastError("SOURCE_FAILED", message, { cause, retryable: true, retryAfter });
}

/** What `start` gives; `undefined` as soon as the latch closes. */
function raced<T>(latch: Latch, start: () => Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const undefer = latch.defer(() => resolve(undefined));
    start().then(resolve, reject).finally(undefer);
  });
}

/** Resolves after `ms`, or as soon as the latch closes. */
function pause(latch: Latch, clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const disarm = clock.after(ms, () => {
      undefer();
      resolve();
    });
    const undefer = latch.defer(() => {
      disarm();
      resolve();
    });
  });
}
