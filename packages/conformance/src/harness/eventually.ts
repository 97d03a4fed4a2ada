import { setTimeout as pause } from "node:timers/promises";
import { deadline } from "../wire/deadline.ts";

/** Repeats a check until it does not throw; rejects with what it threw last after `limit` ms. */
export async function eventually<T>(check: () => T | Promise<T>, limit: number = deadline.ms): Promise<T> {
  const end = performance.now() + limit;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await pause(1);
  }
}
