import type { Clock } from "./clock.ts";

/** An asynchronous call that settles within a limited time. */
export interface TimedCall<T> {
  readonly result: Promise<T>;
  /** Rejects the result with `reason`, unless it has settled. */
  cancel(reason: unknown): void;
}

/**
 * Calls an asynchronous function that may never settle. After `ms` the result rejects.
 *
 * @param onLate called with the value of the function if it arrives after the result has settled
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

/** Calls an asynchronous function. A synchronous throw becomes a rejection. */
export async function startAsync<T>(run: () => Promise<T>): Promise<T> {
  return run();
}
