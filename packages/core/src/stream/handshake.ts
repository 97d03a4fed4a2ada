import { concatFrames, openFrame, resetFrame } from "../protocol/control-events.ts";
import { makeId } from "../protocol/event-id.ts";
import { type From, idBefore, resolveCursor, type StartPosition, type Reset } from "../protocol/cursor.ts";
import type { SnapshotPrefix } from "./snapshot.ts";
import type { Stream } from "./stream.ts";

/** The first words of a connection that has found its stream. */
export interface Handshake {
  /** The number of the first event to follow. */
  readonly next: number;
  /** One write: a cut between its frames never hides a gap. */
  readonly bytes: Uint8Array;
  /** How many user events are in it. */
  readonly events: number;
  readonly reset: Reset | undefined;
}

/** The client to be opened to. */
export interface Listener {
  readonly cursor: string | undefined;
  readonly from: From;
  readonly heartbeat: number;
  /** Whether control events are dispatched. */
  readonly control: boolean;
  readonly retry: number;
}

/** Where a client begins in a stream, and what it has lost on the way there. */
export function startPosition(stream: Stream, cursor: string | undefined, from: From): StartPosition {
  // A channel promises no beginning.
  return resolveCursor(stream.bounds, cursor, from === "start" && stream.kind === "channel" ? "held" : from);
}

/** The opening from what the log holds. */
export function handshakeFromLog(stream: Stream, client: Listener): Handshake {
  const { next, reset } = startPosition(stream, client.cursor, client.from);
  const id = idBefore(stream.log, next);
  // An id before the reset would let a client that is cut in between come back behind the gap.
  const bytes =
    reset === undefined
      ? open(stream, client, id)
      : concatFrames([open(stream, client, undefined), resetFrame(reset, id, client.control)]);
  return { next, bytes, events: 0, reset };
}

/** Whether the log goes on behind the prefix. */
export function continues({ log, first }: Stream, { at }: SnapshotPrefix): boolean {
  return at.epoch === log.epoch && at.seq >= first - 1 && at.seq <= log.last;
}

/** The opening from a prefix, behind which the log MUST go on. Only its end has an id. */
export function handshakeFromSnapshot(stream: Stream, client: Listener, prefix: SnapshotPrefix): Handshake {
  const { at, events, bytes } = prefix;
  const atEnd = events === 0 ? makeId(at.epoch, at.seq) : undefined;
  const { cursor, from, control } = client;
  const reset = cursor === undefined ? undefined : startOver(startPosition(stream, cursor, from));
  const opening =
    reset === undefined
      ? open(stream, client, atEnd)
      : concatFrames([open(stream, client, undefined), resetFrame(reset, atEnd, control)]);
  return { next: at.seq + 1, bytes: concatFrames([opening, bytes]), events, reset };
}

/** The reset of a client that gets everything anew. */
function startOver({ reset }: StartPosition): Reset {
  return { reason: reset?.reason ?? "trimmed", lost: null };
}

function open({ log, first, end }: Stream, client: Listener, id: string | undefined): Uint8Array {
  const { heartbeat, retry, control } = client;
  const state = end === undefined ? "live" : "ended";
  return openFrame({ state, first, last: log.last, heartbeat }, id, retry, control);
}
