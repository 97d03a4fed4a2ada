import { setTimeout } from "node:timers/promises";
import type { StreamEvent } from "@holdfast/hono";
import type { JobEvents } from "./events.ts";

/** Duration of a step. */
const STEP_MS = 40;

/** Stands for any long task. It knows nothing about streams, Redis or readers. */
export async function* work(steps: number, signal: AbortSignal): AsyncGenerator<StreamEvent<JobEvents>> {
  for (let step = 1; step <= steps; step++) {
    await setTimeout(STEP_MS, undefined, { signal });
    yield { event: "step", data: { step, of: steps } };
  }
  yield { event: "done", data: { steps } };
}
