import { setTimeout as pause } from "node:timers/promises";

/** Asks again until the answer does not throw, for `deadline` ms at most. */
export async function eventually<T>(ask: () => T | Promise<T>, deadline = 10_000): Promise<T> {
  const end = performance.now() + deadline;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await pause(1);
  }
}
