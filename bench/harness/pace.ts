/** Calls `act` so often, once in each turn of the event loop, or with `every` once in so many ms. */
export async function pace(times: number, every: number, act: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = times;
  const step = (): void => {
    act();
    if (--left === 0) finish();
    else if (every === 0) setImmediate(step);
  };
  const timer = every === 0 ? undefined : setInterval(step, every);
  const finish = (): void => {
    clearInterval(timer);
    resolve();
  };
  if (every === 0) setImmediate(step);
  await promise;
}
