import { isAbort } from "./errors.ts";

/** An async iterable or a web stream, which is not async iterable in every runtime. */
export type Pullable<T> = AsyncIterable<T> | ReadableStream<T>;

/** Reads a source item by item, and can release it at any moment. */
export interface Pull<T> {
  /**
   * The next item; `undefined` once the source is exhausted or released. MUST NOT be called while a call is pending.
   */
  next(): Promise<{ readonly value: T } | undefined>;
  /**
   * Releases the source: a pending `next` resolves with `undefined`, and the source's `return()` or `cancel()` is
   * called, without waiting for it. Idempotent.
   */
  release(reason?: unknown): void;
}

export function isPullable(value: unknown): value is Pullable<never> {
  const source = value as Partial<AsyncIterable<unknown> & ReadableStream> | null | undefined;
  return typeof source?.[Symbol.asyncIterator] === "function" || typeof source?.getReader === "function";
}

/**
 * Starts to read a source.
 *
 * A generator's `return()` waits for its pending `await`, so a generator that produces nothing could never be released:
 * `next` therefore races its result against the release.
 *
 * @param onError called with what the source throws after its release, unless that only says that it was aborted;
 * `isCleanup` is false if it comes from a call of `next` that the release has interrupted
 */
export function pull<T>(source: Pullable<T>, onError: (error: unknown, isCleanup: boolean) => void): Pull<T> {
  const raw = "getReader" in source ? fromStream(source) : fromIterable(source);
  let over = false;
  let resolvePending: (() => void) | undefined;
  let reason: unknown;

  const reportLate = (error: unknown, isCleanup: boolean): void => {
    if (!isAbort(error, reason)) onError(error, isCleanup);
  };

  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (over) return resolve(undefined);
        resolvePending = () => resolve(undefined);
        raw.next().then(
          (result) => {
            if (result.done === true) over = true;
            resolve(over ? undefined : { value: result.value });
          },
          (error: unknown) => {
            if (over) return reportLate(error, false);
            over = true;
            reject(error);
          },
        );
      }),
    release(why) {
      if (over) return;
      over = true;
      reason = why;
      resolvePending?.();
      // In a microtask, because a generator may release itself while it runs.
      Promise.resolve()
        .then(() => raw.release(why))
        .catch((error: unknown) => reportLate(error, true));
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
