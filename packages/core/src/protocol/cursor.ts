import { makeId, parseId } from "./event-id.ts";
import type { ResetReason } from "./reasons.ts";

/** The bounds of a log. An empty one has `first === last + 1`. */
export interface Bounds {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
}

/** Where a client without a cursor begins. */
export type From = "start" | "now";

/** What a client has missed for good. */
export interface Reset {
  readonly reason: ResetReason;
  /** Exactly these are missing and what came before stands; `null`: start over. */
  readonly lost: readonly [from: number, to: number] | null;
}

/** Where a reader begins: the number of the first event it gets, and what it lost on the way there. */
export interface StartPosition {
  readonly next: number;
  readonly reset: Reset | undefined;
}

/** Whether the cursor is the id of a terminal record: its client has everything and must not come back. */
export function isTerminal(cursor: string | undefined): boolean {
  return cursor !== undefined && parseId(cursor)?.end === true;
}

/**
 * Cursor arithmetic: where a client that comes with `cursor` begins in a log with these bounds.
 *
 * @param from for a client without a cursor; `held` is the beginning of what is held, for a log that never
 * promised more
 */
export function resolveCursor(log: Bounds, cursor: string | undefined, from: From | "held"): StartPosition {
  if (cursor === undefined) {
    if (from === "now") return at(log.last + 1);
    return from === "held" || log.first === 1 ? at(log.first) : { next: log.first, reset: trimmed(log, 1) };
  }
  const id = parseId(cursor);
  if (id === undefined || id.end) return startOver(log, "invalid");
  if (id.epoch !== log.epoch) return startOver(log, "epoch");
  if (id.seq > log.last) return startOver(log, "ahead");
  return id.seq >= log.first - 1 ? at(id.seq + 1) : { next: log.first, reset: trimmed(log, id.seq + 1) };
}

/** The reset of a reader whose next event, `wanted`, was forgotten. */
export function trimmed(log: Bounds, wanted: number): Reset {
  return { reason: "trimmed", lost: [wanted, log.first - 1] };
}

/** The id of the event before `next`. */
export function idBefore(log: Bounds, next: number): string {
  return makeId(log.epoch, next - 1);
}

function at(next: number): StartPosition {
  return { next, reset: undefined };
}

function startOver(log: Bounds, reason: ResetReason): StartPosition {
  return { next: log.first, reset: { reason, lost: null } };
}
