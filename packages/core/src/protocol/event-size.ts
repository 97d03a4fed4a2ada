import { HoldfastError } from "../base/errors.ts";

/**
 * The largest event, in bytes on the wire: `maxEventBytes`, and at most a quarter of the buffer, so that one event
 * never displaces most of a log.
 */
export function eventSizeLimit(maxEventBytes: number, bufferBytes: number): number {
  return Math.min(maxEventBytes, Math.floor(bufferBytes / 4));
}

/**
 * The error for an event over the limit.
 *
 * @param size the event's bytes on the wire, or a lower bound of them
 */
export function eventTooLarge(size: number, limit: number): HoldfastError {
  const message = `An event takes at most ${limit} bytes on the wire, this one has ${size} or more.`;
  return new HoldfastError("EVENT_TOO_LARGE", message);
}
