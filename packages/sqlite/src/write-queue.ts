import type { Clock } from "@holdfast/core";
import { codeOf, FULL, isAboutId, isBusy } from "./errors.ts";
import type { Tables } from "./tables.ts";

export interface WriteQueueOptions {
  readonly clock: Clock;
  /** @throws errors of SQLite */
  readonly tables: () => Tables;
  /** How long a call may wait for a lock, in ms. */
  readonly timeout: number;
  /** The time of the leases. */
  readonly now: () => number;
  /** Returns the error for the caller. */
  readonly onFailure: (error: unknown) => unknown;
  /** Nothing could be removed: no call has failed because of that. */
  readonly onSweepFailure: (error: unknown) => void;
  /** A transaction was committed. */
  readonly onSuccess: () => void;
}

interface Write {
  readonly run: (tables: Tables) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly deadline: number;
}

/** When a locked file is tried again, in ms. */
const RETRY_DELAY = 10;
/** A transaction that has taken this long is committed, and the rest gets another one, in ms. */
const MAX_DURATION = 10;
/** How often what is expired is removed, in ms. */
const SWEEP_INTERVAL = 2_000;
/** The same while there is more of it than one sweep removes, in ms. */
const FULL_SWEEP_INTERVAL = 20;

/** Runs writes in order. Those of one turn share a transaction. */
export class WriteQueue {
  readonly #options: WriteQueueOptions;
  #waiting: Write[] = [];
  #isScheduled = false;
  #sweepAt = -Infinity;
  #cancelSweep: () => void = () => undefined;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  /**
   * @param run called once in a transaction that is committed, and maybe before in ones that are not. It may throw an error
   * about its id, before it has written anything
   */
  write<T>(run: (tables: Tables) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadline = this.#options.clock.now() + this.#options.timeout;
      this.#waiting.push({ run, resolve: resolve as (value: unknown) => void, reject, deadline });
      this.#schedule();
    });
  }

  /** Until the next write, nothing uses the tables. */
  stop(): void {
    this.#cancelSweep();
  }

  #schedule(delay = 0): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    const flush = (): void => {
      this.#isScheduled = false;
      this.#flush();
    };
    if (delay === 0) return this.#options.clock.soon(flush);
    // The clock's timers do not keep a process alive, and who waits for a write may have nothing else that does.
    // oxlint-disable-next-line no-restricted-globals -- its callback does nothing, so tests need no fake clock for it
    const keepAlive = setInterval(() => undefined, 1_000);
    this.#options.clock.after(delay, () => {
      clearInterval(keepAlive);
      flush();
    });
  }

  #flush(): void {
    let delay = 0;
    try {
      this.#commit(this.#options.tables());
    } catch (error) {
      if (isBusy(error)) delay = RETRY_DELAY;
      if (!this.#madeRoom(error)) this.#fail(error);
    }
    this.#schedule(delay);
  }

  #commit(tables: Tables): void {
    const { clock, onSuccess } = this.#options;
    const until = clock.now() + MAX_DURATION;
    const settlers = tables.transaction("IMMEDIATE", () => {
      const done: (() => void)[] = [];
      for (const { run, resolve, reject } of this.#waiting) {
        if (done.length > 0 && clock.now() >= until) break;
        try {
          const value = run(tables);
          done.push(() => resolve(value));
        } catch (error) {
          if (!isAboutId(error)) throw error;
          done.push(() => reject(error));
        }
      }
      return done;
    });
    this.#waiting = this.#waiting.slice(settlers.length);
    onSuccess();
    for (const settle of settlers) settle();
    if (clock.now() >= this.#sweepAt) this.#sweep();
  }

  /** The writes that have waited long enough have failed, or all of them where waiting does not help. */
  #fail(error: unknown): void {
    const now = this.#options.clock.now();
    const count = isBusy(error)
      ? this.#waiting.filter(({ deadline }) => deadline <= now).length
      : this.#waiting.length;
    if (count === 0) return;
    const failed = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    const reason = this.#options.onFailure(error);
    for (const { reject } of failed) reject(reason);
  }

  /** Whether a full file had something expired. */
  #madeRoom(error: unknown): boolean {
    return codeOf(error) === FULL && this.#sweep() > 0;
  }

  #sweep(): number {
    const { clock, tables, now, onSweepFailure } = this.#options;
    this.#cancelSweep();
    this.#sweepAt = clock.now() + SWEEP_INTERVAL;
    try {
      const { removed, isFull } = tables().transaction("IMMEDIATE", () => tables().sweep(now()));
      if (isFull) this.#cancelSweep = clock.after(FULL_SWEEP_INTERVAL, () => void this.#sweep());
      return removed;
    } catch (error) {
      if (!isBusy(error)) onSweepFailure(error);
      return 0;
    }
  }
}
