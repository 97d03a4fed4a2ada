/** CPU time of this process so far, in microseconds. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** CPU time of one call after warm-up, in nanoseconds. */
export function nanosecondsPerCall(act: () => unknown): number {
  let times = 1_000;
  // Warms up, and doubles the batch until it is long enough for the resolution of the clock.
  while (microsecondsPerBatch(act, times) < 50_000) times *= 2;
  return (microsecondsPerBatch(act, times * 4) * 1e3) / (times * 4);
}

/** The last result is kept, or the engine could optimise the call away. */
const lastResult: { value: unknown } = { value: undefined };

function microsecondsPerBatch(act: () => unknown, times: number): number {
  const start = cpuTime();
  for (let i = 0; i < times; i++) lastResult.value = act();
  return cpuTime() - start;
}
