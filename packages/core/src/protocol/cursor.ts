import { makeId, parseId } from "./event-id.ts";
import type { ResetReason } from "./reasons.ts";

/** Where one producer's epoch ends and the next one's begins, in a log that both have written. */
export interface Joint {
  /** The epoch that ends. */
  readonly epoch: string;
  /** The number of the last event of that epoch. */
  readonly last: number;
}

/** A cursor of an epoch that is older than this many epochs is no longer understood. */
export const MAX_JOINTS = 8;

/** The joints of a log that another producer continues. */
export function addJoint(joints: readonly Joint[], joint: Joint): readonly Joint[] {
  return [...joints, joint].slice(-MAX_JOINTS);
}

/** What a cursor is compared with. An empty log has `first === last + 1`. */
export interface Bounds {
  /** The epoch of the newest events. */
  readonly epoch: string;
  /** The ends of earlier epochs of the same life, oldest first. */
  readonly joints: readonly Joint[];
  /** The numbers of the oldest and the newest event. */
  readonly first: number;
  readonly last: number;
  /** A cursor below this number has missed a change that is no longer known. */
  readonly forgotten: number;
}

/** Where a client without a cursor starts: at the oldest event that the buffer holds, or at the next one. */
export type From = "start" | "now";

/** The data of `stream.reset`: what a client has missed and cannot get any more. */
export interface Reset {
  /** Why they are missing; docs/errors.md explains each reason. */
  readonly reason: ResetReason;
  /**
   * The numbers of the first and the last missing event, in the client's own epoch; what the client has from before
   * stays valid. `null`: the client starts over, and what it has is void.
   */
  readonly lost: readonly [from: number, to: number] | null;
}

/** Where a reader starts: the number of the first event that it gets, and what it has missed. */
export interface StartPosition {
  readonly next: number;
  readonly reset: Reset | undefined;
}

/** Whether the cursor is the id of a terminal record: this client has everything and must not reconnect. */
export function isTerminal(cursor: string | undefined): boolean {
  return cursor !== undefined && parseId(cursor)?.end === true;
}

/**
 * Where a client with this cursor starts in a log with these bounds.
 *
 * @param from applies to a client without a cursor. `held` is `start` for a channel: it begins at the oldest event in
 * the log without a reset, because a channel does not promise its earlier events.
 */
export function resolveCursor(log: Bounds, cursor: string | undefined, from: From | "held"): StartPosition {
  if (cursor === undefined) {
    if (from === "now") return at(log.last + 1);
    return from === "held" || log.first === 1 ? at(log.first) : { next: log.first, reset: trimmed(log, 1) };
  }
  const id = parseId(cursor);
  if (id === undefined || id.end) return startOver(log, "invalid");
  const last = lastOf(log, id.epoch);
  if (last === undefined) return startOver(log, "epoch");
  if (id.seq > last) return startOver(log, "ahead");
  if (id.seq < log.forgotten) return startOver(log, "epoch");
  return id.seq >= log.first - 1 ? at(id.seq + 1) : { next: log.first, reset: trimmed(log, id.seq + 1) };
}

/** The reset of a reader whose next event, number `wanted`, is no longer in the log. */
export function trimmed(log: Bounds, wanted: number): Reset {
  return { reason: "trimmed", lost: [wanted, log.first - 1] };
}

/** The number of the last event of an epoch; `undefined` for an epoch that is not part of this life. */
export function lastOf(
  { epoch, joints, last }: Pick<Bounds, "epoch" | "joints" | "last">,
  of: string,
): number | undefined {
  return of === epoch ? last : joints.find((joint) => joint.epoch === of)?.last;
}

/** The id of the event before `next`: a number belongs to the epoch in which it was written. */
export function idBefore({ epoch, joints }: Pick<Bounds, "epoch" | "joints">, next: number): string {
  const joint = joints.find(({ last }) => next - 1 <= last);
  return makeId(joint?.epoch ?? epoch, next - 1);
}

function at(next: number): StartPosition {
  return { next, reset: undefined };
}

function startOver(log: Bounds, reason: ResetReason): StartPosition {
  return { next: log.first, reset: { reason, lost: null } };
}
