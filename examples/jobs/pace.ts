import { bridgeAbort, type Clock } from "@holdfast/hono";

/** Holds work back to so many steps a second: waits until `steps` of them may be done. An abort ends the wait. */
export type Pace = (steps: number, signal: AbortSignal) => Promise<void>;

export function createPace(stepsPerSecond: number, clock: Clock): Pace {
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
