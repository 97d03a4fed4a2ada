import { setTimeout } from "node:timers/promises";
import { createRegistry } from "@holdfast/core";

/** A countdown starts when its first client connects. All clients of the same name share it. */
export const countdowns = createRegistry<{ count: number; liftoff: string }>({
  source: (name, { signal }) => countDown(name, signal),
});

async function* countDown(name: string, signal: AbortSignal) {
  for (let count = 10; count > 0; count--) {
    yield { event: "count", data: count } as const;
    await setTimeout(500, undefined, { signal });
  }
  yield { event: "liftoff", data: name } as const;
}
