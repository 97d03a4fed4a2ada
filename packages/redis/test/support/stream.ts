import type { Store, StoreAppend, StoreAppended, StoreOpen } from "@holdfast/core";

export const EPOCH = "aaaaaaaaaa";
export const STREAM: StoreOpen = {
  kind: "stream",
  epoch: EPOCH,
  leaseMs: 60_000,
  ttlMs: 60_000,
  keep: 1_000,
};
export const EVERYTHING = { frames: 1_000, bytes: 1_000_000 };

export function append(
  store: Store,
  id: string,
  from: number | undefined,
  frames: readonly string[],
  more: Partial<StoreAppend> = {},
): Promise<StoreAppended> {
  return store.append(id, {
    epoch: EPOCH,
    fence: 1,
    ...(from !== undefined && { from }),
    frames: frames.map((frame) => Buffer.from(frame)),
    leaseMs: 60_000,
    ttlMs: 60_000,
    ...more,
  });
}

/** All that a store has of an id. */
export async function texts(store: Store, id: string): Promise<string[] | string> {
  const page = await store.read(id, null, EVERYTHING);
  return page.code === "ok" ? page.frames.map((frame) => Buffer.from(frame).toString()) : page.code;
}
