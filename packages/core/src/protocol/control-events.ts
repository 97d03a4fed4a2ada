import { controlText } from "./encode.ts";
import { type HoldfastError, toPublicError } from "../base/errors.ts";
import type { SseEvent } from "./event.ts";
import type { DrainReason, EndStatus } from "./reasons.ts";
import type { Reset } from "./cursor.ts";

/*
 * The control events of the wire protocol, one function a row. With `dispatch: false` only their `id:` and
 * `retry:` lines go out, for consumers that ignore event names.
 */

const encoder = new TextEncoder();

const LIVE = encoder.encode(controlText({ event: "stream.live", data: {} }, true));
const NOTHING = new Uint8Array();

/** The data of `stream.open`. */
export interface OpenData {
  readonly state: "waiting" | "live" | "ended";
  readonly first: number | null;
  readonly last: number | null;
  /** The interval of heartbeats in ms, for the client's watchdog. */
  readonly heartbeat: number;
}

export function openFrame(
  data: OpenData,
  id: string | undefined,
  retry: number,
  dispatch: boolean,
): Uint8Array {
  return frame({ event: "stream.open", ...(id !== undefined && { id }), retry, data }, dispatch);
}

export function liveFrame(dispatch: boolean): Uint8Array {
  return dispatch ? LIVE : NOTHING;
}

export function resetFrame(reset: Reset, id: string | undefined, dispatch: boolean): Uint8Array {
  return frame({ event: "stream.reset", ...(id !== undefined && { id }), data: reset }, dispatch);
}

export function errorFrame(error: HoldfastError, dispatch: boolean): Uint8Array {
  const data = toPublicError(error);
  const retry = data.retryAfter;
  return frame({ event: "stream.error", ...(retry !== undefined && { retry }), data }, dispatch);
}

export function drainFrame(reason: DrainReason, retry: number, dispatch: boolean): Uint8Array {
  return frame({ event: "stream.drain", retry, data: { reason } }, dispatch);
}

/** The terminal record; a failure's cause stands before it in the same frame. */
export function endFrame(
  status: EndStatus,
  id: string,
  error: HoldfastError | undefined,
  dispatch: boolean,
): Uint8Array {
  const end = frame({ event: "stream.end", id, data: { status } }, dispatch);
  return error === undefined ? end : concatFrames([errorFrame(error, dispatch), end]);
}

/** The first block of a bare source, and the last: a field without an event. */
export function fieldFrame(field: { readonly retry: number } | { readonly id: string }): Uint8Array {
  return frame(field, false);
}

/** Several frames as one write. */
export function concatFrames(frames: readonly Uint8Array[]): Uint8Array {
  if (frames.length === 1) return frames[0] as Uint8Array;
  const bytes = new Uint8Array(frames.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of frames) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function frame(event: SseEvent, dispatch: boolean): Uint8Array {
  return encoder.encode(controlText(event, dispatch));
}
