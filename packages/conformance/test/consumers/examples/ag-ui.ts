import type { ControlEvent, SseEvent } from "@holdfast/hono";

/** What clients get in place of control events. An answer that is done has said so itself, with `RUN_FINISHED`. */
export function control({ event, data }: ControlEvent): SseEvent | undefined {
  const isIncomplete = event === "stream.drain" || (event === "stream.end" && data.status !== "done");
  return isIncomplete ? { data: { type: "RUN_ERROR", message: "The answer is incomplete." } } : undefined;
}
