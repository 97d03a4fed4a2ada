import { controlText } from "./encode.ts";
import { type HoldfastError, toPublicError } from "../base/errors.ts";
import type { SseEvent } from "./event.ts";
import type { DrainReason, EndStatus } from "./reasons.ts";
import type { Reset } from "./cursor.ts";

/*
 * The control events of the wire protocol, one function for each. With `dispatch` false a frame has only its `id:` and
 * `retry:` lines, which clients apply without dispatching an event: for consumers that ignore event names.
 */

const encoder = new TextEncoder();

const LIVE = encoder.encode(controlText({ event: "stream.live", data: {} }, true));
const EMPTY = new Uint8Array();

/**
 * The data of `stream.open`. `first` and `last` are the numbers of the oldest and the newest event, if there is a log.
 */
export interface OpenData {
  readonly state: "waiting" | "live" | "ended";
  readonly first: number | null;
  readonly last: number | null;
  /** The interval of heartbeats in ms: without one for much longer, a client takes the connection for dead. */
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
  return dispatch ? LIVE : EMPTY;
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

/** The terminal record. With an error, `stream.error` comes before it in the same frame. */
export function endFrame(
  status: EndStatus,
  id: string,
  error: HoldfastError | undefined,
  dispatch: boolean,
): Uint8Array {
  const end = frame({ event: "stream.end", id, data: { status } }, dispatch);
  return error === undefined ? end : concatFrames([errorFrame(error, dispatch), end]);
}

/** A block with one field and no event. It is the first block of a bare source (`retry:`), and the last (`id:`). */
export function fieldFrame(field: { readonly retry: number } | { readonly id: string }): Uint8Array {
  return frame(field, false);
}

/** Joins frames, so that they are one write. */
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
