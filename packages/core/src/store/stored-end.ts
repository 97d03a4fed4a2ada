// Tested by test/store/stream-producer.test.ts.
import { HoldfastError, toPublicError } from "../base/errors.ts";
import type { StreamEnd } from "../protocol/outcome.ts";
import type { Interruption } from "../stream/stream.ts";
import type { StoredEnd, StoredInterruption } from "./store.ts";
import { toStoreWindow } from "./store-options.ts";

export function notStoredError(): HoldfastError {
  const message = "The end of the stream could not be stored.";
  return new HoldfastError("STORE_UNAVAILABLE", message, { retryable: true });
}

export function toStoredEnd({ status, error }: StreamEnd): StoredEnd {
  return { status, ...(error !== undefined && { error: toPublicError(error) }) };
}

export function toStoredInterruption({ window, error }: Interruption): StoredInterruption {
  return {
    retryWindowMs: toStoreWindow(window),
    ...(error !== undefined && { error: toPublicError(error) }),
  };
}
