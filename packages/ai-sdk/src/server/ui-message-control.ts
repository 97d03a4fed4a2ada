import type { ControlEvent, SseEvent } from "@holdfast/core";

/**
 * The option `control` for clients that keep the SDK's own `DefaultChatTransport`, which knows nothing of holdfast: it gets
 * `[DONE]` at the end of a whole answer, and in every other case an error, so that half an answer never looks like a whole
 * one.
 *
 * @example
 * app.post("/api/chat", (c) => sse(c, job, { control: uiMessageControl }));
 */
export function uiMessageControl({ event, data }: ControlEvent): SseEvent | undefined {
  switch (event) {
    case "stream.end":
      return data.status === "done" ? { data: "[DONE]" } : error("The answer is incomplete.");
    case "stream.drain":
    case "stream.reset":
      return error("The answer is incomplete.");
    case "stream.error":
      // An error that is retryable does not end the stream.
      return data.retryable ? undefined : error(data.message);
    case "stream.open":
    case "stream.live":
      return undefined;
  }
}

function error(errorText: string): SseEvent {
  return { data: { type: "error", errorText } };
}
