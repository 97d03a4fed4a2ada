import type { Clock } from "./clock.ts";

/** A call that settles in bounded time. */
export interface TimedCall<T> {
  readonly result: Promise<T>;
  /** Rejects the result with `reason`, unless it has settled. */
  cancel(reason: unknown): void;
}

/**
 * Runs an asynchronous function that may never settle: after `ms` the result rejects.
 *
 * @param onLate called with a value that came after the result had settled
 */
export function callWithTimeout<T>(
  clock: Clock,
  ms: number,
  run: () => Promise<T>,
  onLate?: (value: T) => void,
): TimedCall<T> {
  let cancel: (reason: unknown) => void = () => undefined;
  const result = new Promise<T>((resolve, reject) => {
    let isSettled = false;
    const settle = (): boolean => {
      if (isSettled) return false;
      isSettled = true;
      cancelTimer();
      return true;
    };
    cancel = (reason) => {
      if (settle()) reject(reason);
    };
    const cancelTimer = clock.after(ms, () => cancel(new Error(`There was no answer within ${ms} ms.`)));
    startAsync(run).then((value) => {
      if (settle()) resolve(value);
      else onLate?.(value);
    }, cancel);
  });
  return { result, cancel };
}

/** Calls an asynchronous function; what it throws at once is a rejection, too. */
export async function startAsync<T>(run: () => Promise<T>): Promise<T> {
  return run();
}
