import { isEventStream } from "@holdfast/core/internal";
import type { Loss, LossReason } from "../retry/loss.ts";
import { retryAfter } from "./retry-after.ts";

const REASONS: Readonly<Record<number, LossReason>> = {
  200: "content-type",
  204: "no-content",
  401: "unauthorized",
  403: "unauthorized",
  408: "unavailable",
  425: "unavailable",
  429: "unavailable",
};

/**
 * What is lost when a server answers with this status.
 *
 * @param type the content type of the answer
 * @param retryAfter in ms
 */
export const refusal = (status: number, type: string, retryAfter: number | undefined): Loss => ({
  reason: REASONS[status] ?? (status < 500 ? "refused" : "unavailable"),
  message: `The server answered ${status} ${type}`,
  status,
  retryAfter,
});

/**
 * Why a response is not an event stream, or `undefined` if it is one.
 *
 * @param now in ms since 1970
 */
export function lossOf({ headers, status }: Response, now: number): Loss | undefined {
  if (status === 200 && isEventStream(headers)) return undefined;
  const type = headers.get("content-type") ?? "";
  const loss = refusal(status, type, retryAfter(headers, now));
  // If the connection breaks within the response's head, Chromium delivers the part that arrived as a complete head.
  const isCut = status < 200 || (status === 200 && "text/event-stream".startsWith(type));
  return isCut ? { ...loss, reason: "network" } : loss;
}
