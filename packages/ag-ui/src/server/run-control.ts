import type { ControlEvent, SseEvent } from "@holdfast/core";

/**
 * The option `control` for clients that keep AG-UI's own `HttpAgent`, which knows nothing of holdfast: where a response ends
 * before the run does, it gets `RUN_ERROR`, so that half an answer never looks like a whole one.
 *
 * @example
 * app.post("/api/runs", (c) => sse(c, job, { control: runControl }));
 */
export function runControl({ event, data }: ControlEvent): SseEvent | undefined {
  // A run that is done has said so itself, with `RUN_FINISHED`.
  const isIncomplete = event === "stream.drain" || (event === "stream.end" && data.status !== "done");
  return isIncomplete ? { data: { type: "RUN_ERROR", message: "The answer is incomplete." } } : undefined;
}
