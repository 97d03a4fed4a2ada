import type { PublicError } from "../base/errors.ts";
import { addJoint, type Joint, lastOf } from "../protocol/cursor.ts";
import type {
  StoreAppend,
  StoreAppended,
  StoreCursor,
  StoredEnd,
  StoreMeta,
  StoreOpen,
  StoreOpened,
} from "../store/store.ts";
import { type FrameOffset, limitBytes } from "./byte-limit.ts";

/*
 * The rules of the seam as pure functions: each takes what a store has of an id, and returns what to answer and what to keep.
 * A store loads the head, calls one of them, and saves the result, in one atomic step. The store suite tests them over the
 * store in memory, and so do the histories of test/model/store.
 */

/** All that a store keeps of one life of an id, except for the frames: plain data that survives `JSON.stringify`. */
export interface StreamHead {
  /** A stream has one producer and an end, a channel many producers and no end. */
  readonly kind: "stream" | "channel";
  /** The epoch of the producer. */
  readonly epoch: string;
  /** The ends of the last epochs before it, oldest first. */
  readonly joints: readonly Joint[];
  /** Rises whenever the producer changes; 0 for a channel. */
  readonly fence: number;
  /** The number of the oldest frame to keep; `last + 1` when there is none. */
  readonly first: number;
  /** The number of the newest frame. */
  readonly last: number;
  /** At most so many frames are kept. */
  readonly keep: number;
  /** About so many bytes of frames are kept. Left out for no limit. */
  readonly keepBytes?: number;
  /** How many bytes of frames this life has had, also those that are not kept. Counted with a `keepBytes` only. */
  readonly bytes?: number;
  /** Where some of the frames that are kept begin, oldest first: about 16 of them. */
  readonly offsets?: readonly FrameOffset[];
  /** Until when the producer counts as alive, as a time of the store's clock, in ms. */
  readonly leaseUntil: number;
  /** From when on the id is unknown, as a time of the store's clock, in ms. */
  readonly expiresAt: number;
  /** For how long the stream waits for another producer after its lease, in ms. */
  readonly retryWindowMs: number;
  /** Why the producer has given up its lease. */
  readonly error?: PublicError;
  /** How the stream ended. */
  readonly end?: StoredEnd;
  /** Why somebody wants the stream cancelled, and for how long the producer may still push. */
  readonly cancel?: { readonly reason: string; readonly graceMs: number };
}

/** What follows from a call that may change a head. */
interface HeadChange {
  /** The head to save. Left out if nothing changes. */
  readonly head?: StreamHead;
  /** Whether whoever reads the id has to be woken with `changed`. */
  readonly isNews: boolean;
}

/** The result of {@link openHead}. */
export interface HeadOpened extends HeadChange {
  /** The answer of `open`. */
  readonly opened: StoreOpened;
  /** Whether the head begins another life: what the store has of the earlier one, frames and batches, has to go. */
  readonly isNewLife: boolean;
}

/** The result of {@link appendToHead}. */
export interface HeadAppended extends HeadChange {
  /** The answer of `append`. */
  readonly appended: StoreAppended;
  /** The frames to add behind those that are stored: the last of them is number `head.last`. Those before `head.first` may go. */
  readonly frames: readonly Uint8Array[];
  /** Whether the number of the batch has to be saved. */
  readonly isNewBatch: boolean;
}

/** The result of {@link readHead}; with `ok`, the page begins with the frame `next`, if there is one. */
export type HeadRead =
  | { readonly code: "ok"; readonly meta: StoreMeta; readonly next: number }
  | { readonly code: "trimmed" | "epoch" | "ahead"; readonly meta: StoreMeta }
  | { readonly code: "missing" };

/** What a store knows of a head that is not expired, as its callers see it. */
function metaOf(head: StreamHead, now: number): StoreMeta {
  const { kind, epoch, joints, first, last, fence, retryWindowMs, error, end, cancel } = head;
  return {
    kind,
    epoch,
    ...(joints.length > 0 && { joints }),
    first,
    last,
    fence,
    leaseLeftMs: kind === "channel" ? Infinity : head.leaseUntil - now,
    ...(retryWindowMs > 0 && { retryWindowMs }),
    ...(error !== undefined && { error }),
    ...(end !== undefined && { end }),
    ...(cancel !== undefined && { cancel: cancel.reason }),
  };
}

/**
 * `open`: makes the caller the producer, or says who is.
 *
 * @param found what the store has of the id, also if it is expired
 * @param now the time of the store's clock, in ms: the same for all its processes
 */
export function openHead(found: StreamHead | undefined, options: StoreOpen, now: number): HeadOpened {
  const { kind, epoch, keep, keepBytes, ifExists = "throw", lapsedFence, retryWindowMs = 0 } = options;
  const { restoreFence, restoreLast = 0, restoreJoints = [] } = options;
  const head = living(found, now);
  const granted = {
    keep,
    ...(keepBytes !== undefined && { keepBytes }),
    leaseUntil: until(now, options.leaseMs),
    expiresAt: until(now, options.ttlMs),
    retryWindowMs,
  };

  function grant(existing: StreamHead, isNewLife = false, isNews = isNewLife): HeadOpened {
    const { error: _, ...kept } = existing;
    const next = { ...kept, ...granted };
    const { joints, fence, last } = next;
    const opened = { role: "producer" as const, epoch: next.epoch, fence, last };
    return { opened: joints.length > 0 ? { ...opened, joints } : opened, head: next, isNewLife, isNews };
  }

  function create(fence: number, last = 0, joints: readonly Joint[] = [], restored?: StreamHead): HeadOpened {
    const created = { ...granted, kind, epoch, joints, fence, first: last + 1, last };
    const cancel = restored?.cancel;
    return grant(cancel === undefined ? created : { ...created, cancel }, true);
  }

  function refuse(existing: StreamHead): HeadOpened {
    return { opened: { role: "reader", meta: metaOf(existing, now) }, isNewLife: false, isNews: false };
  }

  if (restoreFence !== undefined) {
    if (head === undefined) return create(restoreFence, restoreLast, restoreJoints);
    const isOwn = head.kind === kind && head.epoch === epoch && head.fence <= restoreFence;
    if (!isOwn || head.end !== undefined) return refuse(head);
    if (head.fence === restoreFence && head.last >= restoreLast) return grant(head);
    return create(restoreFence, restoreLast, restoreJoints, head);
  }

  if (head === undefined) return create(kind === "channel" ? 0 : 1);
  const nextFence = kind === "channel" ? 0 : head.fence + 1;
  if (head.end !== undefined) {
    const mayKeepEnd = ifExists === "append" || lapsedFence !== undefined;
    const isFinished = head.end.status === "done" || head.end.status === "cancelled";
    return head.epoch === epoch || (mayKeepEnd && isFinished) ? refuse(head) : create(nextFence);
  }
  if (head.kind !== kind) return refuse(head);
  if (kind === "channel" || head.epoch === epoch) return grant(head);
  const isLapsed = head.fence === lapsedFence && head.leaseUntil <= now;
  if (ifExists === "throw" || (lapsedFence !== undefined && !isLapsed)) return refuse(head);
  if (ifExists === "replace") return create(nextFence);
  const joints = addJoint(head.joints, { epoch: head.epoch, last: head.last });
  return grant({ ...head, joints, epoch, fence: nextFence }, false, true);
}

/**
 * `append`: says which frames are new, and renews, ends or interrupts the stream.
 *
 * @param lastBatch for a channel, the number of the last batch of the same producer in the same life
 */
export function appendToHead(
  found: StreamHead | undefined,
  append: StoreAppend,
  now: number,
  lastBatch = 0,
): HeadAppended {
  const head = living(found, now);
  const refuse = (appended: StoreAppended): HeadAppended => ({
    appended,
    frames: [],
    isNewBatch: false,
    isNews: false,
  });
  if (head === undefined) return refuse({ code: "missing" });
  if (head.epoch !== append.epoch || head.fence !== append.fence)
    return refuse({ code: "fenced", fence: head.fence });

  const { from = head.last + 1, batch, interrupt, end } = append;
  if (head.end !== undefined) {
    const isRepeated = end !== undefined && isSameEnd(end, head.end);
    const hasFrames = from + append.frames.length - 1 <= head.last;
    return refuse(
      isRepeated && hasFrames ? { code: "ok", last: head.last } : { code: "closed", end: head.end },
    );
  }
  if (from > head.last + 1) return refuse({ code: "gap", expected: head.last + 1 });

  const isRepeatedBatch = batch !== undefined && batch.number <= lastBatch;
  const frames = isRepeatedBatch ? [] : append.frames.slice(head.last + 1 - from);
  const last = head.last + frames.length;
  const { error: _, ...kept } = head;
  const limited = limitBytes(head, frames);
  const next: StreamHead = {
    ...kept,
    ...limited,
    first: Math.max(limited.first, last + 1 - head.keep),
    last,
    leaseUntil: interrupt === undefined ? until(now, append.leaseMs) : now,
    expiresAt: until(now, append.ttlMs),
    retryWindowMs: interrupt?.retryWindowMs ?? head.retryWindowMs,
    ...(interrupt?.error !== undefined && { error: interrupt.error }),
    ...(end !== undefined && { end }),
  };
  const { cancel } = head;
  return {
    appended: {
      code: "ok",
      last,
      ...(cancel !== undefined && { cancel: cancel.reason }),
      ...(cancel !== undefined && cancel.graceMs > 0 && { cancelGraceMs: cancel.graceMs }),
    },
    head: next,
    frames,
    isNewBatch: batch !== undefined && !isRepeatedBatch,
    isNews: frames.length > 0 || end !== undefined || interrupt !== undefined,
  };
}

/** `read`: says where the page begins. */
export function readHead(found: StreamHead | undefined, after: StoreCursor | null, now: number): HeadRead {
  const head = living(found, now);
  if (head === undefined) return { code: "missing" };
  const meta = metaOf(head, now);
  if (after === null) return { code: "ok", meta, next: head.first };
  const last = lastOf(head, after.epoch);
  if (last === undefined) return { code: "epoch", meta };
  if (after.seq > last) return { code: "ahead", meta };
  if (after.seq < head.first - 1) return { code: "trimmed", meta };
  return { code: "ok", meta, next: after.seq + 1 };
}

/** `cancel`: the head with the request; the same head if there was one before; `undefined` if the stream is not live. */
export function cancelHead(
  found: StreamHead | undefined,
  reason: string,
  graceMs: number,
  now: number,
): StreamHead | undefined {
  const head = living(found, now);
  if (head === undefined || head.kind === "channel" || head.end !== undefined) return undefined;
  return head.cancel === undefined ? { ...head, cancel: { reason, graceMs } } : head;
}

/** `lost`: the head with the end, or `undefined` if the stream does not end. */
export function loseHead(
  found: StreamHead | undefined,
  fence: number,
  end: StoredEnd,
  now: number,
): StreamHead | undefined {
  const head = living(found, now);
  if (head === undefined || head.kind === "channel" || head.end !== undefined) return undefined;
  if (head.fence !== fence || head.leaseUntil + head.retryWindowMs > now) return undefined;
  return { ...head, end };
}

function living(head: StreamHead | undefined, now: number): StreamHead | undefined {
  return head !== undefined && head.expiresAt > now ? head : undefined;
}

/** Times may be infinite, which JSON does not know. */
function until(now: number, ms: number): number {
  return Math.min(now + ms, Number.MAX_SAFE_INTEGER);
}

function isSameEnd(a: StoredEnd, b: StoredEnd): boolean {
  const textOf = ({ status, error }: StoredEnd): string =>
    JSON.stringify([status, error?.code, error?.message, error?.retryable, error?.retryAfter]);
  return textOf(a) === textOf(b);
}
