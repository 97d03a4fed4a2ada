import type { Clock } from "../base/clock.ts";
import { HoldfastError } from "../base/errors.ts";
import type { Pull } from "../base/pull.ts";
import { isEventStream } from "../protocol/headers.ts";
import { retryAfter } from "./retry-after.ts";

/** How much of an error's body is kept for the observer, in bytes. */
const EXCERPT_BYTES = 4_096;
/** How long the body of an error may take, in ms. */
const EXCERPT_TIME = 1_000;

/** Why a response cannot be read as an event stream. The text of its body is for the observer, not for clients. */
export type Refusal = (body: string) => HoldfastError;

/** The refusal of a response; `undefined` for an event stream. */
export function refusalOf({ status, headers }: Response): Refusal | undefined {
  if (status === 200 && isEventStream(headers)) return undefined;
  return (body) => statusFailure(status, headers, body === "" ? undefined : body);
}

/** The failure of a response with this status, with what the observer gets to know of it. */
export function statusFailure(status: number, headers: Headers, cause: unknown): HoldfastError {
  const isBusy = [408, 425, 429].includes(status) || status >= 500;
  const delay = isBusy ? retryAfter(headers) : undefined;
  const message =
    status === 200 ? "The upstream's answer is no event stream." : `The upstream answered ${status}.`;
  return new HoldfastError("SOURCE_FAILED", message, {
    retryable: isBusy,
    ...(delay !== undefined && { retryAfter: delay }),
    ...(cause !== undefined && { cause }),
  });
}

/** Reads the beginning of a body, and releases it. A body that is cut or slow only makes the text shorter. */
export async function readExcerpt(chunks: Pull<Uint8Array | string>, clock: Clock): Promise<string> {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  let text = "";
  let room = EXCERPT_BYTES;
  const cancelTimer = clock.after(EXCERPT_TIME, () => chunks.release());
  try {
    while (room > 0) {
      const chunk = await chunks.next();
      if (chunk === undefined) break;
      const bytes = typeof chunk.value === "string" ? encoder.encode(chunk.value) : chunk.value;
      text += decoder.decode(bytes.subarray(0, room), { stream: true });
      room -= bytes.length;
    }
  } catch {
    // The response is a failure anyway, and what has arrived of its body is kept.
  } finally {
    cancelTimer();
    chunks.release();
  }
  return text;
}
