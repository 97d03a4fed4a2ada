import { setTimeout } from "node:timers/promises";
import type { StreamEvent } from "@holdfast/hono";
import type { JobEvents } from "./events.ts";

/** How long a step takes, in ms. */
const STEP = 40;

/** Stands for something that takes its time. It knows nothing of streams, of Redis, or of who listens. */
export async function* work(steps: number, signal: AbortSignal): AsyncGenerator<StreamEvent<JobEvents>> {
  for (let step = 1; step <= steps; step++) {
    await setTimeout(STEP, undefined, { signal });
    yield { event: "step", data: { step, of: steps } };
  }
  yield { event: "done", data: { steps } };
}
