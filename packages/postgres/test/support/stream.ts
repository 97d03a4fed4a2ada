import type { Store, StoreAppend, StoreAppended, StoreOpen } from "@holdfast/core";

const LONG = 3_600_000;
const EPOCH = "aaaaaaaaaa";
export const STREAM: StoreOpen = { kind: "stream", epoch: EPOCH, leaseMs: LONG, ttlMs: LONG, keep: 10_000 };

/** Appends frames to a stream that was opened with {@link STREAM}. */
export function append(
  store: Store,
  id: string,
  from: number,
  frames: readonly string[],
  more: Partial<StoreAppend> = {},
): Promise<StoreAppended> {
  return store.append(id, {
    epoch: EPOCH,
    fence: 1,
    from,
    frames: frames.map((frame) => Buffer.from(frame)),
    leaseMs: LONG,
    ttlMs: LONG,
    ...more,
  });
}
