import type { PublicError } from "../base/errors.ts";
import { check } from "../base/validate.ts";
import type { Joint } from "../protocol/cursor.ts";
import type { EndStatus } from "../protocol/reasons.ts";

/*
 * The seam to a durable log that machines share. The log of a stream is then this process's cache of it.
 *
 * Every call settles in bounded time. A store that could not serve this call for any id now (it is away, slow, full, read
 * only) rejects with `STORE_UNAVAILABLE`, retryable. A call that fails because of its id (an impossible id, data that is
 * not the store's under its key) rejects with a `HoldfastError` that is not retryable: it says nothing about the store, and
 * other ids are served as before. An impossible id is `INVALID_OPTION`.
 */

/** A terminal record as machines share it. */
export interface StoredEnd {
  /** How the stream ended. */
  readonly status: EndStatus;
  /** What of a failure is public. */
  readonly error?: PublicError;
}

/** What a store knows of one id. */
export interface StoreMeta {
  /** A stream has one producer and an end, a channel many producers and no end. */
  readonly kind: "stream" | "channel";
  /** The epoch of the producer that the fence names. */
  readonly epoch: string;
  /** The ends of the last eight epochs before it in the same life, oldest first. Left out if there are none. */
  readonly joints?: readonly Joint[];
  /** The oldest frame's number; `last + 1` when none is held. */
  readonly first: number;
  /** The newest frame's number; 0 before the first. */
  readonly last: number;
  /** Rises whenever the producer changes: an older one is refused. 0 for a channel, which has none. */
  readonly fence: number;
  /**
   * For how long the producer still counts as alive, in ms. When the lease is over, minus the time since then.
   * `Infinity` for a channel.
   */
  readonly leaseLeftMs: number;
  /**
   * For how long the stream waits for another producer when the lease is over, in ms: until then it is interrupted. Left
   * out for 0.
   */
  readonly retryWindowMs?: number;
  /** Why the producer has given up its lease: if no other producer comes, the stream ends as `failed` with this error. */
  readonly error?: PublicError;
  /** How it ended; left out while it has not. */
  readonly end?: StoredEnd;
  /** Why somebody wants the stream cancelled; empty when no reason was given. */
  readonly cancel?: string;
}

/** What `open` of a store is asked for. */
export interface StoreOpen {
  /** What the caller wants to produce. */
  readonly kind: "stream" | "channel";
  /**
   * The epoch of the caller; with `restoreFence` the one that is restored. Every open has its own. An open that is
   * repeated, because its answer was lost, finds its epoch in the store and changes nothing.
   */
  readonly epoch: string;
  /** How long the producer is taken for alive without an append, in ms. */
  readonly leaseMs: number;
  /** How long everything is kept without an append, in ms. */
  readonly ttlMs: number;
  /** How many frames are kept; about so many, the oldest go first. */
  readonly keep: number;
  /**
   * How many bytes of frames are kept, besides `keep`; the oldest go first. The newest frames that fit are kept, and the
   * newest one always. A store may keep somewhat more: at most as much again, and two frames. Left out: the limit that the
   * stream had before, at first none.
   */
  readonly keepBytes?: number;
  /**
   * What happens to a stream that has not ended. `throw`: the answer is `reader`. `replace`: a new life begins, without
   * the frames. `append`: the frames and their numbers are kept, the next frame belongs to the caller's epoch, and the
   * store notes the joint; a stream that is `done` or `cancelled` answers `reader`. `replace` and `append` raise the
   * fence; a request to cancel the stream outlasts an `append`.
   *
   * @default "throw"
   */
  readonly ifExists?: "throw" | "replace" | "append";
  /**
   * With `replace`: only if the lease is over and the stream has this fence; otherwise, and if it is `done` or `cancelled`
   * by now, the answer is `reader`.
   */
  readonly lapsedFence?: number;
  /** For how long the stream waits for another producer when the lease is over, in ms. @default 0 */
  readonly retryWindowMs?: number;
  /**
   * The fence of a producer whose stream the store has lost, wholly or in part: it goes on under the same epoch and
   * fence behind `restoreLast`, with no frames. Refused where there is another life, a higher fence or an end; nothing
   * is taken away where the frame `restoreLast` is there under this fence, as when a restore comes again.
   */
  readonly restoreFence?: number;
  /** The number before the first frame that will be sent again. @default 0 */
  readonly restoreLast?: number;
  /** The joints of the stream that is restored. */
  readonly restoreJoints?: readonly Joint[];
}

/**
 * `producer`: the id is the caller's (a channel's is everybody's), `last` is the newest frame's number. `reader`: it is
 * live somewhere else, of the other kind, or has an end that does not give way. Any other end gives way to a new life.
 */
export type StoreOpened =
  | {
      readonly role: "producer";
      readonly epoch: string;
      readonly fence: number;
      readonly last: number;
      readonly joints?: readonly Joint[];
    }
  | { readonly role: "reader"; readonly meta: StoreMeta };

/** Frames for the end of a log, and what happens behind them in the same step. */
export interface StoreAppend {
  /** The epoch that `open` has granted. */
  readonly epoch: string;
  /** The fence that `open` has granted; an append under an older one is refused. */
  readonly fence: number;
  /**
   * The first frame's number. Frames that are there already are passed over, so that an append whose answer was lost
   * is repeated as it was. Left out for a channel, whose frames the store numbers.
   */
  readonly from?: number;
  /** For a channel: a repeated batch of the same number, or an older one, is passed over. */
  readonly batch?: { readonly producer: string; readonly number: number };
  /** None: the lease is renewed. For a channel they have no `id:` client. */
  readonly frames: readonly Uint8Array[];
  /** How long the producer is taken for alive from now on, in ms. */
  readonly leaseMs: number;
  /** How long everything is kept from now on without another append, in ms. */
  readonly ttlMs: number;
  /** Closes the stream behind the last frame, in the same step. */
  readonly end?: StoredEnd;
  /** Gives the lease up behind the last frame, in the same step: the stream waits for another producer. */
  readonly interrupt?: StoredInterruption;
}

/** How a producer gives up a stream that another one may go on with. */
export interface StoredInterruption {
  /** For how long the stream waits, in ms. */
  readonly retryWindowMs: number;
  /** What of a failure is public. */
  readonly error?: PublicError;
}

/**
 * `gap`: frames before `from` are not there, the next is `expected`. `fenced`: somebody else is the producer, or it is
 * another life. `closed`: it has ended; an append that is repeated behind its own end gets `ok`. `missing`: the id is
 * unknown.
 */
export type StoreAppended =
  | {
      readonly code: "ok";
      readonly last: number;
      /** Why somebody wants the stream cancelled; empty when no reason was given. */
      readonly cancel?: string;
      /** For how long the producer may still push, in ms. Left out for 0. */
      readonly cancelGraceMs?: number;
    }
  | { readonly code: "gap"; readonly expected: number }
  | { readonly code: "fenced"; readonly fence: number }
  | { readonly code: "closed"; readonly end: StoredEnd }
  | { readonly code: "missing" };

/** A place in one life of an id: behind frame `seq`, which belongs to this epoch or to the one behind it. */
export interface StoreCursor {
  /** An epoch of this life. */
  readonly epoch: string;
  /** The number of the last frame that the reader has; 0 before the first. */
  readonly seq: number;
}

/** How much `read` of a store may return. */
export interface PageLimits {
  /** At most so many frames: a positive integer. */
  readonly frames: number;
  /** About so many; a page has one frame at least, if there is one. */
  readonly bytes: number;
}

/**
 * `ok`: the frames behind the cursor, contiguous, without one those from `meta.first` on. `trimmed`: some of them are
 * gone. `epoch`: the cursor's epoch is neither `meta.epoch` nor one of `meta.joints`. `ahead`: it is behind the last frame
 * of its epoch.
 */
export type StorePage =
  | { readonly code: "ok"; readonly meta: StoreMeta; readonly frames: readonly Uint8Array[] }
  | { readonly code: "trimmed" | "epoch" | "ahead"; readonly meta: StoreMeta }
  | { readonly code: "missing" };

/** `cancel`: somebody wants the stream cancelled. `disconnect`: see {@link Store.hintDisconnect}. */
export type StoreHint = "changed" | "cancel" | "disconnect";

/**
 * A hint that something has changed: `id` is `undefined` when hints may have been lost, so that everything has to be
 * looked at.
 */
export type OnWake = (id: string | undefined, why: StoreHint) => void;

/** Which ids hints are wanted for. They may be lost, doubled or late. */
export interface StoreWake {
  /** Asks for hints about this id; twice is once. */
  add(id: string): void;
  /** Asks for no more hints about this id; they may still come. */
  delete(id: string): void;
  /** Asks for no more hints at all, and releases what they needed. Idempotent. */
  close(): void;
}

/** A durable log shared by machines, behind the logs of their processes. */
export interface Store {
  /**
   * Makes the caller the producer of an id, or says who is: one atomic step, so that of two callers one gets it.
   *
   * @throws (as a rejection) `STORE_UNAVAILABLE`, as every call of a store
   */
  open(id: string, options: StoreOpen): Promise<StoreOpened>;
  /**
   * Appends frames behind the last one, renews the lease, and ends or interrupts the stream: all of it or nothing.
   */
  append(id: string, append: StoreAppend): Promise<StoreAppended>;
  /** One atomic step: meta and page agree. */
  read(id: string, after: StoreCursor | null, limits: PageLimits): Promise<StorePage>;
  /**
   * Calls `onWake` for changes of these ids, made in any process, until the result is closed. Hints only save time: a
   * store whose hints are lost is read again every few seconds.
   */
  wake(ids: Iterable<string>, onWake: OnWake): StoreWake;
  /**
   * Asks for a live stream to be cancelled: its producer is woken, and told with its next append. The first request
   * stays. Resolves with whether the stream was live.
   *
   * @param graceMs for how long the producer may still push. Default 0
   */
  cancel(id: string, reason: string, graceMs?: number): Promise<boolean>;
  /**
   * Ends a stream whose lease and retry window are over, that has not ended and has this fence; in one step. Resolves with
   * whether it did.
   */
  lost(id: string, fence: number, end: StoredEnd): Promise<boolean>;
  /** Removes everything about an id. Also resolves if there is nothing. */
  delete(id: string): Promise<void>;
  /**
   * Resolves with a text that names the data of the store: the same in all processes, and another one after the store has
   * lost everything (it was flushed, or restarted without its data). So a process notices that streams may be live of which
   * the store does not know. It is created if the store has none, and MUST reject while the store takes no writes. Without
   * this method a process cannot notice.
   */
  marker?(): Promise<string>;
  /** Sends the hint `disconnect` about an id, whether the store knows it or not. */
  hintDisconnect(id: string): Promise<void>;
  /**
   * Tells when the store goes away and when it is back; `true` is assumed before. A store that refuses only one kind of
   * calls, as a full one refuses writes, is back when it has served such a call. Returns how to stop listening.
   */
  health(onChange: (healthy: boolean) => void): () => void;
}

const METHODS = [
  "open",
  "append",
  "read",
  "wake",
  "cancel",
  "lost",
  "delete",
  "hintDisconnect",
  "health",
] as const;

/** @throws `INVALID_OPTION` for what is not a store */
export function checkStore(store: unknown): void {
  const given = store as Partial<Store> | null;
  const missing = METHODS.filter((name) => typeof given?.[name] !== "function");
  check(missing.length === 0, "store", `a Store with ${missing.join(", ")}`, store);
}
