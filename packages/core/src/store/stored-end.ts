// Tested by test/store/stream-producer.test.ts.
import { HoldfastError, toPublicError } from "../base/errors.ts";
import type { StreamEnd } from "../protocol/outcome.ts";
import type { Interruption } from "../stream/interruption.ts";
import type { Stream } from "../stream/stream.ts";
import type { StoredEnd, StoredInterruption, StoreMeta } from "./store.ts";
import { toStoreWindow } from "./store-options.ts";

export function notStoredError(): HoldfastError {
  const message = "The end of the stream could not be stored.";
  return new HoldfastError("STORE_UNAVAILABLE", message, { retryable: true });
}

export function toStoredEnd({ status, error }: StreamEnd): StoredEnd {
  return { status, ...(error !== undefined && { error: toPublicError(error) }) };
}

/** What an append carries beside frames, if it reaches the end of the log. */
export function finalStateOf(
  { end, interruption }: Stream,
  isComplete: boolean,
): { readonly end?: StreamEnd | undefined; readonly interrupt?: Interruption | undefined } {
  if (!isComplete) return {};
  return end === undefined ? { interrupt: interruption } : { end };
}

/** What the store has of a stream whose producer has given up its lease. */
export function toInterruptedMeta(
  { log, first }: Stream,
  fence: number,
  interruption: Interruption,
): StoreMeta {
  const { epoch, joints, last } = log;
  const interrupted = toStoredInterruption(interruption);
  return { kind: "stream", epoch, joints, first, last, fence, leaseLeftMs: 0, ...interrupted };
}

export function toStoredInterruption({ window, error }: Interruption): StoredInterruption {
  return {
    retryWindowMs: toStoreWindow(window),
    ...(error !== undefined && { error: toPublicError(error) }),
  };
}
