import type { ResolvedStream } from "../connection/options.ts";
import { makeEpoch } from "../protocol/event-id.ts";
import type { StreamKind } from "../stream/stream.ts";
import type { StoreMeta, StoreOpen } from "./store.ts";
import { LEASE } from "./store-client.ts";

/** The longest time and the largest number that a store is asked to keep. */
const MAX = 2 ** 31 - 1;

/** What a store keeps of an id. */
export type StoreLimits = Required<Pick<StoreOpen, "ttlMs" | "keep" | "keepBytes">>;

/** For how long a store keeps frames, and how many. */
export function toStoreLimits(
  kind: StreamKind,
  { buffer, linger, idle, retryWindow }: ResolvedStream,
): StoreLimits {
  // An interrupted stream may wait for `idle` ms, if the snapshot says that it is still running.
  const whileInterrupted = retryWindow > 0 ? Math.max(retryWindow, idle) : 0;
  const ttlMs = kind === "channel" ? idle : Math.max(linger, whileInterrupted) + 4 * LEASE;
  return {
    ttlMs: Math.min(MAX, ttlMs),
    keep: Math.min(MAX, buffer.events),
    keepBytes: Math.min(MAX, buffer.bytes),
  };
}

/** For how long a stream in a store waits for another producer. */
export function toStoreWindow(retryWindow: number): number {
  return Math.min(MAX, retryWindow);
}

/** How an id is opened in a store, under a new epoch. */
export function toStoreOpen(kind: StreamKind, options: ResolvedStream, random: () => number): StoreOpen {
  return {
    kind,
    epoch: makeEpoch(random),
    leaseMs: LEASE,
    retryWindowMs: kind === "stream" ? toStoreWindow(options.retryWindow) : 0,
    ...toStoreLimits(kind, options),
  };
}

/** Whether a stream waits for another producer. */
export function isInterrupted({ end, leaseLeftMs, retryWindowMs = 0 }: StoreMeta): boolean {
  return end === undefined && leaseLeftMs <= 0 && retryWindowMs > 0;
}
