import { joined, openFrame, resetFrame } from "./control.ts";
import { encodeEvent } from "./encode.ts";
import type { AnyEvents } from "./event.ts";
import { makeId, parseId } from "./event-id.ts";
import type { Report } from "./observer.ts";
import { type From, idBefore, locate, type Position, type Reset } from "./position.ts";
import type { RunningSnapshot } from "./snapshot.ts";
import type { Stream } from "./stream.ts";

/** The first words of a connection that has found its stream. */
export interface Opening {
  /** The number of the first event to follow. */
  readonly next: number;
  /** One write: a cut between its frames never hides a gap. */
  readonly bytes: Uint8Array;
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
export function positionIn(stream: Stream, cursor: string | undefined, from: From): Position {
  // A channel promises no beginning.
  return locate(stream.log, cursor, from === "start" && stream.kind === "channel" ? "held" : from);
}

/** The opening from what the log holds. */
export function openFromLog(stream: Stream, client: Listener, report: Report): Opening {
  const { id, log } = stream;
  const { next, reset } = positionIn(stream, client.cursor, client.from);
  if (reset === undefined) return { next, bytes: open(stream, client, idBefore(log, next)) };
  report("reset", { id, ...reset });
  const resetBytes = resetFrame(reset, idBefore(log, next), client.control);
  // An id before the reset would let a client that is cut in between come back behind the gap.
  return { next, bytes: joined([open(stream, client, undefined), resetBytes]) };
}

/** The number of the event that a running snapshot ends with, if the log goes on behind it. */
export function continuedAt({ log }: Stream, { at }: RunningSnapshot<AnyEvents>): number | undefined {
  const id = at === undefined ? undefined : parseId(at);
  if (id === undefined || id.end || id.epoch !== log.epoch) return undefined;
  return id.seq >= log.first - 1 && id.seq <= log.last ? id.seq : undefined;
}

/** The opening from a running snapshot, which stands for everything up to the event `at`. Only its end has an id. */
export function openFromSnapshot(
  stream: Stream,
  client: Listener,
  at: number,
  { events = [] }: RunningSnapshot<AnyEvents>,
  report: Report,
): Opening {
  const id = makeId(stream.log.epoch, at);
  const last = events.at(-1);
  const frames = [open(stream, client, last === undefined && client.cursor === undefined ? id : undefined)];
  if (client.cursor !== undefined) {
    const reset: Reset = {
      reason: positionIn(stream, client.cursor, "start").reset?.reason ?? "trimmed",
      lost: null,
    };
    report("reset", { id: stream.id, ...reset });
    frames.push(resetFrame(reset, last === undefined ? id : undefined, client.control));
  }
  for (const event of events) {
    frames.push(encodeEvent(event === last ? { ...event, id } : event));
  }
  return { next: at + 1, bytes: joined(frames) };
}

function open({ log, end }: Stream, client: Listener, id: string | undefined): Uint8Array {
  const { heartbeat, retry, control } = client;
  const state = end === undefined ? "live" : "ended";
  return openFrame({ state, first: log.first, last: log.last, heartbeat }, id, retry, control);
}
