import { HoldfastError, type StreamInfo } from "@holdfast/core";

/**
 * Whether an answer is being written, by what `registry.find` says of its stream. If not, answer the SDK's request to resume
 * with 204.
 *
 * @example
 * const cursor = readCursor(c.req.header("last-event-id"), c.req.url);
 * if (cursor === undefined && !isAnswering(await chats.find(id))) return c.body(null, 204);
 */
export function isAnswering(info: StreamInfo | undefined): boolean {
  return info?.status === "live" || info?.status === "interrupted";
}

/**
 * Whether `registry.open` has thrown this because the chat's last answer is still being written. Answer such a question
 * with 409: the model is asked once.
 *
 * @example
 * if (isBusy(error)) return c.text("An answer is being written.", 409);
 */
export function isBusy(error: unknown): boolean {
  return HoldfastError.is(error) && error.code === "STREAM_EXISTS";
}
