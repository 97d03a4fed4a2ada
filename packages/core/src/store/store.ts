import { check } from "../base/validate.ts";
import type { PublicError } from "../base/errors.ts";
import type { EndStatus } from "../protocol/reasons.ts";

/*
 * The seam to a durable log that machines share. The log of a stream is then this process's cache of it. Whatever a
 * store cannot do now it rejects with `STORE_UNAVAILABLE`, in bounded time; nothing else is ever thrown.
 */

/** A terminal record as machines share it. */
export interface StoredEnd {
  readonly status: EndStatus;
  /** What of a failure is public. */
  readonly error?: PublicError;
}

/** What a store knows of one id. */
export interface StoreMeta {
  readonly kind: "stream" | "channel";
  /** One life of the id; kept on take-over and on restore. */
  readonly epoch: string;
  /** The oldest frame's number; `last + 1` when none is held. */
  readonly first: number;
  /** The newest frame's number; 0 before the first. */
  readonly last: number;
  /** Rises whenever the producer changes: an older one is refused. 0 for a channel, which has none. */
  readonly fence: number;
  /** How long the producer is still taken for alive, in ms; over when not positive. `Infinity` for a channel. */
  readonly leaseLeftMs: number;
  readonly end?: StoredEnd;
  /** Why somebody wants the stream cancelled; empty when no reason was given. */
  readonly cancel?: string;
}

export interface StoreOpen {
  readonly kind: "stream" | "channel";
  /**
   * For a new life of the id, or with `restoreFence` the one that is restored. Every open has its own: one that comes
   * again, since its answer was lost, finds by it what it did, and does nothing else.
   */
  readonly epoch: string;
  /** How long the producer is taken for alive without an append, in ms. */
  readonly leaseMs: number;
  /** How long everything is kept without an append, in ms. */
  readonly ttlMs: number;
  /** How many frames are kept; about so many, the oldest go first. */
  readonly keep: number;
  /** Whether a live producer is fenced off: the fence rises, the epoch and the frames stay. */
  readonly takeover?: boolean;
  /**
   * The fence of a producer whose stream the store has lost, wholly or in part: it goes on under the same epoch and
   * fence behind `restoreLast`, with no frames. Refused where there is another life, a higher fence or an end; nothing
   * is taken away where the frame `restoreLast` is there under this fence, as when a restore comes again.
   */
  readonly restoreFence?: number;
  /** The number before the first frame that will be sent again. @default 0 */
  readonly restoreLast?: number;
}

/**
 * `producer`: the id is the caller's (a channel's is everybody's), `last` is the newest frame's number. `reader`: it is
 * live somewhere else, or of the other kind. A live stream whose lease is over is still somebody else's: call
 * {@link Store.lost} first. What has ended gives way to a new life.
 */
export type StoreOpened =
  | {
      readonly role: "producer";
      readonly epoch: string;
      readonly fence: number;
      readonly last: number;
    }
  | { readonly role: "reader"; readonly meta: StoreMeta };

export interface StoreAppend {
  readonly epoch: string;
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
  readonly leaseMs: number;
  readonly ttlMs: number;
  /** Closes the stream behind the last frame, in the same step. */
  readonly end?: StoredEnd;
}

/**
 * `gap`: frames before `from` are not there, the next is `expected`. `fenced`: somebody else is the producer, or it is
 * another life. `closed`: it has ended; an append that is repeated behind its own end gets `ok`. `missing`: the id is
 * unknown.
 */
export type StoreAppended =
  | { readonly code: "ok"; readonly last: number; readonly cancel?: string }
  | { readonly code: "gap"; readonly expected: number }
  | { readonly code: "fenced"; readonly fence: number }
  | { readonly code: "closed"; readonly end: StoredEnd }
  | { readonly code: "missing" };

/** A place in one life of an id: behind frame `seq`. */
export interface StoreCursor {
  readonly epoch: string;
  readonly seq: number;
}

export interface PageLimits {
  readonly frames: number;
  /** About so many; a page has one frame at least, if there is one. */
  readonly bytes: number;
}

/**
 * `ok`: the frames behind the cursor, contiguous, without one those from `meta.first` on. `trimmed`: some of them are
 * gone. `epoch`: the cursor is of another life. `ahead`: it is behind `meta.last`.
 */
export type StorePage =
  | { readonly code: "ok"; readonly meta: StoreMeta; readonly frames: readonly Uint8Array[] }
  | { readonly code: "trimmed" | "epoch" | "ahead"; readonly meta: StoreMeta }
  | { readonly code: "missing" };

/**
 * A hint that something has changed: `id` is `undefined` when hints may have been lost, so that everything has to be
 * looked at. `cancel`: somebody wants the stream cancelled.
 */
export type OnWake = (id: string | undefined, why: "changed" | "cancel") => void;

/** Which ids hints are wanted for. They may be lost, doubled or late. */
export interface StoreWake {
  add(id: string): void;
  delete(id: string): void;
  close(): void;
}

/** A durable log shared by machines, behind the logs of their processes. */
export interface Store {
  open(id: string, options: StoreOpen): Promise<StoreOpened>;
  append(id: string, append: StoreAppend): Promise<StoreAppended>;
  /** One atomic step: meta and page agree. */
  read(id: string, after: StoreCursor | null, limits: PageLimits): Promise<StorePage>;
  wake(ids: Iterable<string>, onWake: OnWake): StoreWake;
  /** Asks for a live stream to be cancelled: its producer is woken, and told with its next append. Whether it was live. */
  cancel(id: string, reason: string): Promise<boolean>;
  /** Ends a stream whose lease is over, that is still open and has this fence; in one step. Whether it did. */
  lost(id: string, fence: number, end: StoredEnd): Promise<boolean>;
  delete(id: string): Promise<void>;
  /** Tells when the store goes away and when it is back; `true` is assumed before. Returns how to stop listening. */
  health(onChange: (healthy: boolean) => void): () => void;
}

const METHODS = ["open", "append", "read", "wake", "cancel", "lost", "delete", "health"] as const;

/** @throws `INVALID_OPTION` for what is not a store */
export function checkStore(store: unknown): void {
  const given = store as Partial<Store> | null;
  const missing = METHODS.filter((name) => typeof given?.[name] !== "function");
  check(missing.length === 0, "store", `a Store with ${missing.join(", ")}`, store);
}
