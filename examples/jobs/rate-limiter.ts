import { bridgeAbort, type Clock } from "@holdfast/hono";

/** Waits until `steps` steps in total are allowed. An abort ends the wait. */
export type WaitForTurn = (steps: number, signal: AbortSignal) => Promise<void>;

/** Limits work to a number of steps per second, counted from now on. */
export function createRateLimiter(stepsPerSecond: number, clock: Clock): WaitForTurn {
  const start = clock.now();
  return (steps, signal) =>
    new Promise((resolve) => {
      const wait = start + (steps / stepsPerSecond) * 1_000 - clock.now();
      if (wait <= 0) return resolve();
      const cancel = clock.after(wait, () => {
        detach();
        resolve();
      });
      const detach = bridgeAbort(signal, {
        abort() {
          cancel();
          resolve();
        },
      });
    });
}
