import { abortedError } from "./errors.ts";

/** Undoes something once. May be asynchronous; nobody waits for it, but its failure is reported. */
export type Cleanup = (reason?: unknown) => unknown;

/** Closes once, runs every cleanup once. */
export interface Latch {
  readonly closed: boolean;
  /** What the first `close` was given. */
  readonly reason: unknown;
  /** Aborts with `reason` when the latch closes, before the cleanups run. Made on first use. */
  readonly signal: AbortSignal;
  /** Runs `cleanup` at the close, newest first; at once if the latch is closed. Returns how to forget it. */
  defer(cleanup: Cleanup): () => void;
  /** The first call closes and its reason stays; later calls do nothing. Never throws. */
  close(reason?: unknown): void;
  /**
   * Acquires something and guarantees one `release` for each success, whatever the latch does meanwhile.
   *
   * @throws `ABORTED` when the latch is closed (nothing is acquired) or closes during `acquire` (after the
   * release); whatever `acquire` throws.
   */
  hold<T>(acquire: (signal: AbortSignal) => T | PromiseLike<T>, release: (value: T) => unknown): Promise<T>;
}

export interface LatchOptions {
  /** Told of a cleanup that threw or rejected. @default console.warn */
  readonly onError?: (error: unknown) => void;
}

/** An idempotent clean-up latch: register it before anything that can need undoing exists. */
export function createLatch(options: LatchOptions = {}): Latch {
  return new CleanupLatch(options.onError ?? ((error) => console.warn("holdfast: a cleanup failed", error)));
}

class CleanupLatch implements Latch {
  readonly #onError: (error: unknown) => void;
  readonly #cleanups = new Set<{ readonly run: Cleanup }>();
  #closed = false;
  #reason: unknown;
  #controller: AbortController | undefined;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
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
    this.#cleanups.add(entry);
    return () => void this.#cleanups.delete(entry);
  }

  close(reason?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const entry of [...this.#cleanups].reverse()) {
      // A cleanup may forget an older one; what is gone from the set is not run.
      if (this.#cleanups.delete(entry)) void this.#run(entry.run);
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
          (error: unknown) => this.#tell(error),
        );
      }
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    try {
      this.#onError(error);
    } catch (broken) {
      console.warn("holdfast: the onError of a latch failed", broken);
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}
