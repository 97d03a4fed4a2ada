import { abortedError } from "./errors.ts";

/**
 * Undoes something when a latch closes; gets the reason of the close. It may be asynchronous: nothing waits for the
 * promise, but a rejection is reported.
 */
export type Cleanup = (reason?: unknown) => unknown;

/** A latch closes once and then runs every clean-up once, newest first. */
export interface Latch {
  /** Whether `close` was called. */
  readonly closed: boolean;
  /** The reason given to the first `close`. */
  readonly reason: unknown;
  /** Aborts with `reason` when the latch closes, before the clean-ups run. Created on first use. */
  readonly signal: AbortSignal;
  /**
   * Runs `cleanup` when the latch closes, or at once if it is closed already.
   *
   * @returns forgets the clean-up (idempotent); without effect once it has run
   */
  defer(cleanup: Cleanup): () => void;
  /** Closes the latch with this reason; later calls have no effect. Never throws. */
  close(reason?: unknown): void;
  /**
   * Acquires a resource and guarantees that `release` runs once for it: when the latch closes, or right after `acquire`
   * if it has closed meanwhile.
   *
   * @throws (as a rejection) `ABORTED` when the latch is closed, without acquiring anything, and when it closes during
   * `acquire`, after the release; whatever `acquire` throws
   *
   * @example
   * const client = await latch.hold(() => pool.connect(), (client) => client.release());
   */
  hold<T>(acquire: (signal: AbortSignal) => T | PromiseLike<T>, release: (value: T) => unknown): Promise<T>;
}

/** Options of {@link createLatch}. */
export interface LatchOptions {
  /** Called with the error of a clean-up that threw or rejected. @default logs it with `console.warn` */
  readonly onError?: (error: unknown) => void;
}

/**
 * Creates a clean-up latch, the one place where everything that a piece of work has set up is undone. Create it before
 * the first thing that may need undoing.
 *
 * @example
 * const latch = createLatch();
 * latch.defer(clock.after(1_000, refresh));
 * bridgeAbort(request.signal, latch);
 */
export function createLatch(options: LatchOptions = {}): Latch {
  return new CleanupLatch(options);
}

class CleanupLatch implements Latch {
  readonly #options: LatchOptions;
  /** Created on first use: there are many latches, and most have no clean-up. */
  #cleanups: Set<{ readonly run: Cleanup }> | undefined;
  #closed = false;
  #reason: unknown;
  #controller: AbortController | undefined;

  constructor(options: LatchOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#closed) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  defer(cleanup: Cleanup): () => void {
    if (this.#closed) {
      void this.#run(cleanup);
      return () => undefined;
    }
    const entry = { run: cleanup };
    const cleanups = (this.#cleanups ??= new Set());
    cleanups.add(entry);
    return () => void cleanups.delete(entry);
  }

  close(reason?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    const cleanups = this.#cleanups;
    if (cleanups === undefined) return;
    for (const entry of [...cleanups].reverse()) {
      // A clean-up may have forgotten this one, which is then no longer in the set.
      if (cleanups.delete(entry)) void this.#run(entry.run);
    }
  }

  async hold<T>(
    acquire: (signal: AbortSignal) => T | PromiseLike<T>,
    release: (value: T) => unknown,
  ): Promise<T> {
    if (this.#closed) throw abortedError(this.#reason);
    const value = await acquire(this.signal);
    if (!this.#closed) {
      this.defer(() => release(value));
      return value;
    }
    await this.#run(() => release(value));
    throw abortedError(this.#reason);
  }

  #run(cleanup: Cleanup): Promise<void> | void {
    try {
      const result = cleanup(this.#reason);
      if (isThenable(result)) {
        return Promise.resolve(result).then(
          () => undefined,
          (error: unknown) => this.#report(error),
        );
      }
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    try {
      if (this.#options.onError === undefined) console.warn("holdfast: a cleanup failed", error);
      else this.#options.onError(error);
    } catch (onErrorFailure) {
      console.warn("holdfast: the onError of a latch failed", onErrorFailure);
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}
