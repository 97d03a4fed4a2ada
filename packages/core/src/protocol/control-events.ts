import { type HoldfastError, type PublicError, toPublicError } from "../base/errors.ts";
import type { Reset } from "./cursor.ts";
import { type BlockFields, controlText } from "./encode.ts";
import type { SseEvent } from "./event.ts";
import type { DrainReason, EndStatus } from "./reasons.ts";

/*
 * The control events of the wire protocol, one function for each.
 */

const encoder = new TextEncoder();

/** The data of `stream.open`. `first` and `last` are the numbers of the oldest and the newest event, if there is a log. */
export interface OpenData {
  /** Whether the stream does not exist yet, goes on, or has ended. */
  readonly state: "waiting" | "live" | "ended";
  /** The number of the oldest event held; `last + 1` if none is, `null` while waiting. */
  readonly first: number | null;
  /** The number of the newest event; 0 before the first, `null` while waiting. */
  readonly last: number | null;
  /** The interval of heartbeats in ms: without one for much longer, a client takes the connection for dead. */
  readonly heartbeat: number;
}

/** What a server tells its clients about a stream, beside the stream's own events (PROTOCOL, 5). */
export type ControlEvent =
  | { readonly event: "stream.open"; readonly data: OpenData }
  | { readonly event: "stream.live"; readonly data: Readonly<Record<never, never>> }
  | { readonly event: "stream.reset"; readonly data: Reset }
  | { readonly event: "stream.error"; readonly data: PublicError }
  | { readonly event: "stream.drain"; readonly data: { readonly reason: DrainReason } }
  | { readonly event: "stream.end"; readonly data: { readonly status: EndStatus } };

/**
 * How control events go out. `true`: as they are. `false`: only their `id:` and `retry:` lines, which clients apply without
 * dispatching an event. A function: what it returns is dispatched instead, in the block with these lines; `undefined` means
 * the same as `false` for this event.
 */
export type Control = boolean | ((event: ControlEvent) => SseEvent | undefined);

const LIVE: ControlEvent = { event: "stream.live", data: {} };
const LIVE_FRAME = encoder.encode(controlText(LIVE, {}));

export function openFrame(
  data: OpenData,
  id: string | undefined,
  retry: number,
  control: Control,
): Uint8Array {
  if (control !== true) return frame({ event: "stream.open", data }, { id, retry }, control);
  // What `frame` makes of it, in a third of the time. As in JSON, `Infinity` is `null`.
  const { state, first, last } = data;
  const heartbeat = Number.isFinite(data.heartbeat) ? data.heartbeat : null;
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  const json = `{"state":"${state}","first":${first},"last":${last},"heartbeat":${heartbeat}}`;
  return encoder.encode(`event: stream.open\n${idLine}retry: ${retry}\ndata: ${json}\n\n`);
}

export function liveFrame(control: Control): Uint8Array {
  return control === true ? LIVE_FRAME : frame(LIVE, {}, control);
}

/** `isDispatched` is false if the client will not notice the reset. */
export function resetFrame(
  reset: Reset,
  id: string | undefined,
  control: Control,
): { readonly bytes: Uint8Array; readonly isDispatched: boolean } {
  const event = dispatched({ event: "stream.reset", data: reset }, control);
  return { bytes: encoder.encode(controlText(event, { id })), isDispatched: event !== undefined };
}

export function errorFrame(error: HoldfastError, control: Control): Uint8Array {
  return publicErrorFrame(toPublicError(error), control);
}

export function drainFrame(reason: DrainReason, retry: number, control: Control): Uint8Array {
  return frame({ event: "stream.drain", data: { reason } }, { retry }, control);
}

/**
 * The terminal record. With an error, `stream.error` comes before it in the same frame; since the stream is over for good,
 * that error is never retryable.
 */
export function endFrame(
  status: EndStatus,
  id: string,
  error: HoldfastError | undefined,
  control: Control,
): Uint8Array {
  const end = frame({ event: "stream.end", data: { status } }, { id }, control);
  if (error === undefined) return end;
  const { code, message } = toPublicError(error);
  return concatFrames([publicErrorFrame({ code, message, retryable: false }, control), end]);
}

/** A block with a reconnection time and no event. It is the first block of a bare source. */
export function retryFrame(retry: number): Uint8Array {
  return encoder.encode(controlText(undefined, { retry }));
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

function publicErrorFrame(data: PublicError, control: Control): Uint8Array {
  return frame({ event: "stream.error", data }, { retry: data.retryAfter }, control);
}

function frame(event: ControlEvent, fields: BlockFields, control: Control): Uint8Array {
  return encoder.encode(controlText(dispatched(event, control), fields));
}

/** What of a control event is dispatched. */
function dispatched(event: ControlEvent, control: Control): SseEvent | undefined {
  if (typeof control === "function") return control(event);
  return control ? event : undefined;
}
