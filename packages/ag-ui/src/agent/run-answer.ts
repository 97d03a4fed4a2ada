import type { BaseEvent } from "@ag-ui/client";
import type { ConnectionError } from "@holdfast/client";
import type { AnswerFormat } from "@holdfast/client/internal";

/** A run as an agent reads it. The types are those of `EventType`, without the schemas that come with the enum. */
export const RUN_ANSWER: AnswerFormat<BaseEvent> = {
  isFirst: ({ type }) => is(type, "RUN_STARTED"),
  isLast: ({ type }) => is(type, "RUN_FINISHED") || is(type, "RUN_ERROR"),
  isStop: () => false,
  toError(error, { isStopped }) {
    const { reason } = error as Partial<ConnectionError>;
    return reason === "cancelled" && isStopped
      ? new DOMException("The run was stopped before it was complete.", "AbortError")
      : error;
  },
  disconnectError: (message) => new Error(message),
};

/** Whether an event has the type. */
function is(type: string, expected: "RUN_STARTED" | "RUN_FINISHED" | "RUN_ERROR"): boolean {
  return type === expected;
}
