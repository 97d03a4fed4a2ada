import assert from "node:assert/strict";
import type { Store, StoreAppend, StoreAppended, StoreMeta, StoreOpen, StorePage } from "@holdfast/core";
import type { Runner } from "../runner.ts";
import type { Subject } from "./subject.ts";

/** Lives of an id. */
export const LIFE = "aaaaaaaaaa";
export const NEXT_LIFE = "bbbbbbbbbb";
export const THIRD_LIFE = "cccccccccc";

/** So long that no test lives to see it end, in ms. */
export const LONG = 60_000;
/** So short that a test can wait for its end, in ms. */
export const SHORT = 40;

export const STREAM: StoreOpen = { kind: "stream", epoch: LIFE, leaseMs: LONG, ttlMs: LONG, keep: 1_000 };
export const CHANNEL: StoreOpen = { ...STREAM, kind: "channel" };
export const EVERYTHING = { frames: 1_000, bytes: 1_000_000 };

/** A stream that the test produces. */
export interface Producer {
  readonly epoch: string;
  readonly fence: number;
  readonly append: (
    from: number | undefined,
    frames: readonly string[],
    more?: Partial<StoreAppend>,
  ) => Promise<StoreAppended>;
}

/** A subject, and what tests often do with it. */
export interface Harness extends Required<Omit<Subject, "close">> {
  /** Opens an id, of which the caller has to become a producer. */
  readonly produce: (id: string, open?: Partial<StoreOpen>) => Promise<Producer & { readonly last: number }>;
  /** What is known of an id that has to be there. */
  readonly meta: (id: string) => Promise<StoreMeta>;
  /** All that is there of an id, as text. */
  readonly texts: (id: string) => Promise<string[]>;
  /** Asks until the answer is yes. */
  readonly until: (ask: () => boolean | Promise<boolean>) => Promise<void>;
}

export type HarnessTest = (name: string, run: (harness: Harness) => Promise<void>) => void;

/** Tests that are each given a store of their own. */
export function harnessTest({ test }: Runner, open: () => Promise<Subject>): HarnessTest {
  return (name, run) =>
    test(name, async () => {
      const subject = await open();
      try {
        await run(createHarness(subject));
      } finally {
        await subject.close();
      }
    });
}

function createHarness(subject: Subject): Harness {
  const { store, other = store } = subject;

  async function page(id: string): Promise<StorePage & { readonly code: "ok" }> {
    const read = await store.read(id, null, EVERYTHING);
    assert(read.code === "ok", `${id} is ${read.code}`);
    return read;
  }

  return {
    store,
    other,
    pause: (ms) => subject.pause(ms),
    async produce(id, open = {}) {
      const opened = await store.open(id, { ...STREAM, ...open });
      assert(opened.role === "producer", `${id} is somebody else's`);
      return { ...producer(store, id, opened), last: opened.last };
    },
    meta: async (id) => (await page(id)).meta,
    texts: async (id) => (await page(id)).frames.map(text),
    async until(ask) {
      for (let round = 0; round < 1_000; round++) {
        if (await ask()) return;
        await subject.pause(5);
      }
      assert.fail("It did not happen.");
    },
  };
}

/** Appends as a producer of this life and fence would. */
export function producer(
  store: Store,
  id: string,
  { epoch, fence }: { epoch: string; fence: number },
): Producer {
  return {
    epoch,
    fence,
    append: (from, frames, more = {}) =>
      store.append(id, {
        epoch,
        fence,
        ...(from !== undefined && { from }),
        frames: frames.map(bytes),
        leaseMs: LONG,
        ttlMs: LONG,
        ...more,
      }),
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function bytes(frame: string): Uint8Array {
  return encoder.encode(frame);
}

export function text(frame: Uint8Array): string {
  return decoder.decode(frame);
}

/** `f1`, `f2`, ... */
export function frames(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `f${from + index}`);
}
