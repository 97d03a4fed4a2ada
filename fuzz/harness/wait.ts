import { setTimeout as pause } from "node:timers/promises";

/** A promise of the packages, or an expectation of the fuzzer, that does not hold. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** How long a condition may take, in ms: it fails when something hangs, not when the machine is busy. */
const DEADLINE = 300_000;

/** Waits until `check` returns something other than `undefined`, and returns that. */
export async function waitFor<T>(
  check: () => T | undefined | Promise<T | undefined>,
  what: () => string,
): Promise<T> {
  const end = performance.now() + DEADLINE;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Violation(`Waited in vain for ${what()}`);
    await pause(20);
  }
}

/** Rejects if `promise` takes longer than the deadline. */
export async function inTime<T>(promise: Promise<T>, what: () => string): Promise<T> {
  const timer = new AbortController();
  const late = pause(DEADLINE, undefined, { signal: timer.signal }).then(() => {
    throw new Violation(`Waited in vain for ${what()}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => undefined);
    timer.abort();
  }
}
