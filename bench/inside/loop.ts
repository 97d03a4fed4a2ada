/** CPU microseconds that this process has used. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Nanoseconds of CPU that one call takes, once it is warm. */
export function nanosecondsOf(act: () => unknown): number {
  let times = 1_000;
  // Warm, and until a batch is long enough for the clock.
  while (microsecondsOf(act, times) < 50_000) times *= 2;
  return (microsecondsOf(act, times * 4) * 1e3) / (times * 4);
}

/** Keeps the engine from leaving out what nobody uses. */
const kept: { last: unknown } = { last: undefined };

function microsecondsOf(act: () => unknown, times: number): number {
  const start = cpuTime();
  for (let i = 0; i < times; i++) kept.last = act();
  return cpuTime() - start;
}
