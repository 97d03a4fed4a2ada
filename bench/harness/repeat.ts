/**
 * Calls `act` a number of times at a fixed pace.
 *
 * @param intervalMs time between two calls, in ms; 0 calls it once per turn of the event loop
 */
export async function repeat(times: number, intervalMs: number, act: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = times;
  const step = (): void => {
    act();
    if (--left === 0) finish();
    else if (intervalMs === 0) setImmediate(step);
  };
  const timer = intervalMs === 0 ? undefined : setInterval(step, intervalMs);
  const finish = (): void => {
    clearInterval(timer);
    resolve();
  };
  if (intervalMs === 0) setImmediate(step);
  await promise;
}
