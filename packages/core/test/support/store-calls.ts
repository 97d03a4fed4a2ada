import type { Store, StoreAppend, StoreAppended, StoreOpen } from "../../src/index.ts";

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

/** The frames of an id as text, or why there are none. */
export async function texts(store: Store, id: string): Promise<readonly string[] | string> {
  const page = await store.read(id, null, { frames: 100_000, bytes: 100_000_000 });
  return page.code === "ok" ? page.frames.map((frame) => Buffer.from(frame).toString()) : page.code;
}

/** Listens to the health of a store. */
export function healthOf(store: Store): { readonly changes: boolean[]; readonly stop: () => void } {
  const changes: boolean[] = [];
  return { changes, stop: store.health((isHealthy) => void changes.push(isHealthy)) };
}
