import { isEventStream } from "@holdfast/core/internal";
import type { Loss, LossReason } from "../retry/loss.ts";
import { retryAfter } from "./retry-after.ts";

/**
 * Why a response is not an event stream, or `undefined` if it is one.
 *
 * @param now in ms since 1970
 */
export function lossOf({ headers, status }: Response, now: number): Loss | undefined {
  if (status === 200 && isEventStream(headers)) return undefined;
  const type = headers.get("content-type") ?? "";
  let reason: LossReason = "refused";
  // If the connection breaks within the response's head, Chromium delivers the part that arrived as a complete head.
  if (status < 200 || (status === 200 && "text/event-stream".startsWith(type))) reason = "network";
  else if (status === 200) reason = "content-type";
  else if (status === 204) reason = "no-content";
  else if ([401, 403].includes(status)) reason = "unauthorized";
  else if ([408, 425, 429].includes(status) || status >= 500) reason = "unavailable";
  return {
    reason,
    message: `The server answered ${status} ${type}`,
    status,
    retryAfter: retryAfter(headers, now),
  };
}
