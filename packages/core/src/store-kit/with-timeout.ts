import type { Clock } from "../base/clock.ts";

interface Settle<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Settles as `run()` does. Rejects when that takes longer than `ms`, or with the reason of `signal` when it aborts.
 */
export function withTimeout<T>(
  clock: Clock,
  ms: number,
  run: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return within(
    clock,
    ms,
    signal,
    ({ resolve, reject }) => void run().then(resolve, reject),
    ({ reject }) => reject(new Error(`The server did not answer within ${ms} ms.`)),
  );
}

/**
 * Resolves after `ms`, or as soon as the function that `start` receives is called. Rejects with the reason of `signal`
 * when it aborts.
 */
export function sleep(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  start: (wake: () => void) => void = () => undefined,
): Promise<void> {
  return within<void>(
    clock,
    ms,
    signal,
    ({ resolve }) => start(resolve),
    ({ resolve }) => resolve(),
  );
}

/** Starts something, and settles once: by itself, by `timedOut` after `ms`, or when `signal` aborts. */
function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal | undefined,
  start: (settle: Settle<T>) => void,
  timedOut: (settle: Settle<T>) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => settle.reject(signal?.reason);
    const cleanUp = (): void => {
      cancelTimer();
      signal?.removeEventListener("abort", onAbort);
    };
    const settle: Settle<T> = {
      resolve(value) {
        cleanUp();
        resolve(value);
      },
      reject(reason) {
        cleanUp();
        reject(reason);
      },
    };
    const cancelTimer = clock.after(ms, () => timedOut(settle));
    signal?.addEventListener("abort", onAbort);
    start(settle);
  });
}
