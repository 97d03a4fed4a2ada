import { isAbort } from "./errors.ts";

/** What can be pulled: an async iterable, or a web stream (which is not iterable in every runtime). */
export type Pullable<T> = AsyncIterable<T> | ReadableStream<T>;

/** A pull-driven run over a source that can be let go at any moment. */
export interface Pull<T> {
  /** The next item; `undefined` once the source is exhausted or was let go. One call at a time. */
  next(): Promise<{ readonly value: T } | undefined>;
  /**
   * Lets the source go: a pending `next` resolves with `undefined`, and the source is told by `return()` or
   * `cancel()`, which nobody waits for. Idempotent.
   */
  release(reason?: unknown): void;
}

export function isPullable(value: unknown): value is Pullable<never> {
  const source = value as Partial<AsyncIterable<unknown> & ReadableStream> | null | undefined;
  return typeof source?.[Symbol.asyncIterator] === "function" || typeof source?.getReader === "function";
}

/**
 * Begins to pull. `return()` of a generator queues behind its pending `await`, so a quiet one would never be
 * let go by itself: `next` is raced against the release.
 *
 * @param onError told what the source throws after it was let go, except that it was aborted
 */
export function pull<T>(source: Pullable<T>, onError: (error: unknown) => void): Pull<T> {
  const raw = "getReader" in source ? fromStream(source) : fromIterable(source);
  let over = false;
  let letGo: (() => void) | undefined;
  let reason: unknown;

  const late = (error: unknown): void => {
    if (!isAbort(error, reason)) onError(error);
  };

  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (over) return resolve(undefined);
        letGo = () => resolve(undefined);
        raw.next().then(
          (result) => {
            if (result.done === true) over = true;
            resolve(over ? undefined : { value: result.value });
          },
          (error: unknown) => {
            if (over) return late(error);
            over = true;
            reject(error);
          },
        );
      }),
    release(why) {
      if (over) return;
      over = true;
      reason = why;
      letGo?.();
      // In a microtask, so that a generator that released itself is not re-entered.
      Promise.resolve()
        .then(() => raw.release(why))
        .catch(late);
    },
  };
}

interface RawPull<T> {
  readonly next: () => Promise<IteratorResult<T>>;
  readonly release: (reason?: unknown) => unknown;
}

function fromStream<T>(source: ReadableStream<T>): RawPull<T> {
  const reader = source.getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<T>>,
    release: (reason) => reader.cancel(reason),
  };
}

function fromIterable<T>(source: AsyncIterable<T>): RawPull<T> {
  const iterator = source[Symbol.asyncIterator]();
  return {
    next: async () => iterator.next(),
    release: () => iterator.return?.(),
  };
}
