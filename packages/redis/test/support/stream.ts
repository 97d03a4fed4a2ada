import type { Store, StoreAppend, StoreAppended, StoreOpen } from "@holdfast/core";
import { expect, onTestFinished } from "vitest";
import { eventually } from "../../../conformance/src/harness/eventually.ts";

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

/** The frames of an id as text, or the code of the page if it is not "ok". */
export async function texts(store: Store, id: string): Promise<string[] | string> {
  const page = await store.read(id, null, EVERYTHING);
  return page.code === "ok" ? page.frames.map((frame) => Buffer.from(frame).toString()) : page.code;
}

/** Opens a stream, appends to it until a hint arrives, and reads it. */
export async function expectStoreWorks(store: Store, id = "job"): Promise<void> {
  const woken: (string | undefined)[] = [];
  const wake = store.wake([id], (hinted) => void woken.push(hinted));
  onTestFinished(() => wake.close());
  expect(await store.open(id, STREAM)).toMatchObject({ role: "producer" });
  let last = 0;
  await eventually(async () => {
    await append(store, id, ++last, ["f"]);
    expect(woken).toContain(id);
  });
  expect(await texts(store, id)).toHaveLength(last);
}
