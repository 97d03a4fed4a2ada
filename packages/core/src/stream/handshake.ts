import { concatFrames, type Control, openFrame, resetFrame } from "../protocol/control-events.ts";
import {
  type From,
  idBefore,
  lastOf,
  type Reset,
  resolveCursor,
  type StartPosition,
} from "../protocol/cursor.ts";
import { makeId } from "../protocol/event-id.ts";
import type { SnapshotPrefix } from "./snapshot.ts";
import type { Stream } from "./stream.ts";

/** The first frames of a connection that has found its stream. */
export interface Handshake {
  /** The number of the first event behind the handshake. */
  readonly next: number;
  /** Written at once, so that a cut between its frames never hides a gap. */
  readonly bytes: Uint8Array;
  readonly reset: Reset | undefined;
  /** What comes between these frames and the log. */
  readonly prefix?: SnapshotPrefix;
}

export interface HandshakeOptions {
  /** The heartbeat interval in ms. */
  readonly heartbeat: number;
  readonly control: Control;
  /** The reconnection time in ms. */
  readonly retry: number;
}

/** Where a client with this cursor begins in a stream, and what it has lost before that. */
export function startPosition(stream: Stream, cursor: string | undefined, from: From): StartPosition {
  // A channel does not promise that it still has its first event.
  return resolveCursor(stream.bounds, cursor, from === "start" && stream.kind === "channel" ? "held" : from);
}

/** The handshake of a client that is served from the log. */
export function handshakeFromLog(
  stream: Stream,
  { next, reset }: StartPosition,
  options: HandshakeOptions,
): Handshake {
  const id = idBefore(stream.log, next);
  return { next, bytes: firstFrames(stream, id, reset, options), reset };
}

/** Whether the log continues where the snapshot prefix ends. */
export function continues({ bounds }: Stream, { at }: SnapshotPrefix): boolean {
  const last = lastOf(bounds, at.epoch);
  return last !== undefined && at.seq >= Math.max(bounds.first - 1, bounds.forgotten) && at.seq <= last;
}

/**
 * The handshake of a client that gets a snapshot prefix and then the log, which MUST continue where the prefix ends.
 * Only the last event of the prefix has an id.
 *
 * @param reset what the client has lost if it came with a cursor: it gets everything anew
 */
export function handshakeFromSnapshot(
  stream: Stream,
  prefix: SnapshotPrefix,
  reset: Reset | undefined,
  options: HandshakeOptions,
): Handshake {
  const { at, log } = prefix;
  const id = log.last === 0 ? makeId(at.epoch, at.seq) : undefined;
  const bytes = firstFrames(stream, id, reset, options);
  return { next: at.seq + 1, bytes, reset, ...(log.last > 0 && { prefix }) };
}

/** `stream.open`, and `stream.reset` behind it if there is one. */
function firstFrames(
  { log, first, end }: Stream,
  id: string | undefined,
  reset: Reset | undefined,
  { heartbeat, retry, control }: HandshakeOptions,
): Uint8Array {
  const data = { state: end === undefined ? "live" : "ended", first, last: log.last, heartbeat } as const;
  if (reset === undefined) return openFrame(data, id, retry, control);
  // With an id before the reset, a client that is cut between the two would come back behind the gap.
  const open = openFrame(data, undefined, retry, control);
  return concatFrames([open, resetFrame(reset, id, control).bytes]);
}
