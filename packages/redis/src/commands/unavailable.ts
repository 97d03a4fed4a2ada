import { HoldfastError } from "@holdfast/core";

/** The error of a call that Redis could not serve now, whatever its id. */
export function unavailable(cause: unknown): HoldfastError {
  return new HoldfastError("STORE_UNAVAILABLE", "The store is not available.", { retryable: true, cause });
}

/** The error of a call that failed because of what Redis has under the keys of its id. */
export function brokenKey(cause: unknown): HoldfastError {
  const message = "Redis has something under the keys of this id that the store did not write.";
  return new HoldfastError("STORE_UNAVAILABLE", message, { cause });
}

/** What a script says of a Redis that is full, read only, loading or not permitted, also where that is inside other text. */
const ABOUT_REDIS =
  /\b(OOM|READONLY|LOADING|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOAUTH|NOPERM|NOSCRIPT)\b|unknown/i;

/** Whether Redis has refused a call because of the data under its keys: a key of another type, a field that is no number. */
export function isAboutKeys(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { message } = error;
  if (message.startsWith("WRONGTYPE")) return true;
  return message.startsWith("ERR") && /script/.test(message) && !ABOUT_REDIS.test(message);
}
