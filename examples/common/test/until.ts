import { vi } from "vitest";

/** Waits for a condition, with a timeout that is long enough for a busy machine. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, { timeout: 60_000, interval: 5 });
}
