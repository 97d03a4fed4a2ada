import type { ConnectionError, FailureReason } from "@holdfast/client";
import type { AnswerFormat, Circumstances } from "@holdfast/client/internal";
import type { UIMessageChunk } from "ai";

/** An answer as the chats of the SDK read it. */
export const CHAT_ANSWER: AnswerFormat<UIMessageChunk> = {
  isFirst: ({ type }) => type === "start",
  isLast: ({ type }) => type === "finish",
  isStop: ({ type }) => type === "abort",
  toError: toChatError,
  disconnectError,
};

/** The connection is over, but the answer may not be: the SDK can resume it. */
const DISCONNECTS: readonly FailureReason[] = ["eof", "gave-up", "network", "stalled", "unavailable"];

/** The error of a connection, as the chat of the SDK classifies errors. */
function toChatError(error: unknown, { isStopped, isRefused }: Circumstances): unknown {
  if (!isConnectionError(error)) return error;
  const { reason, server, message } = error;
  if (reason === "cancelled") {
    const text = "The answer was stopped before it was complete.";
    // The SDK takes it for an abort: the chat is ready, and `onFinish` gets `isAbort`.
    return isStopped ? new DOMException(text, "AbortError") : new Error(text, { cause: error });
  }
  // A chat that takes this for a disconnect finds nothing to resume, and is ready as if it had asked nothing.
  const isRefusal = isRefused && reason === "unavailable";
  if (DISCONNECTS.includes(reason) && !isRefusal) return disconnectError(message, error);
  return new Error(server?.message ?? message, { cause: error });
}

/** The SDK takes a TypeError that speaks of the network for a disconnect, after which a chat can be resumed. */
function disconnectError(message: string, cause?: unknown): TypeError {
  return new TypeError(`network error: ${message}`, { cause });
}

function isConnectionError(error: unknown): error is ConnectionError {
  return error instanceof Error && error.name === "ConnectionError";
}
