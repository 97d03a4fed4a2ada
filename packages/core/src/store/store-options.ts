import type { ResolvedStream } from "../connection/options.ts";
import { makeEpoch } from "../protocol/event-id.ts";
import type { StreamKind } from "../stream/stream.ts";
import type { StoreOpen } from "./store.ts";
import { LEASE } from "./store-client.ts";

/** The longest time and the largest number that a store is asked to keep. */
const MAX = 2 ** 31 - 1;

/** For how long and how many frames a store keeps. */
export function toStoreLimits(
  kind: StreamKind,
  { buffer, linger, idle }: ResolvedStream,
): Pick<StoreOpen, "ttlMs" | "keep"> {
  const ttlMs = Math.min(MAX, kind === "channel" ? idle : linger + 4 * LEASE);
  return { ttlMs, keep: Math.min(MAX, buffer.events) };
}

/** How an id is opened in a store, under a new epoch. */
export function toStoreOpen(kind: StreamKind, options: ResolvedStream, random: () => number): StoreOpen {
  return { kind, epoch: makeEpoch(random), leaseMs: LEASE, ...toStoreLimits(kind, options) };
}
