import { setTimeout } from "node:timers/promises";
import { createRegistry } from "@holdfast/core";

/** A job of any name starts when its first client connects, and never ends. */
export const jobs = createRegistry<{ tick: number }>({
  source: (_id, { signal }) => tick(signal),
});

async function* tick(signal: AbortSignal) {
  for (let data = 1; ; data++) {
    yield { event: "tick", data } as const;
    await setTimeout(100, undefined, { signal });
  }
}
