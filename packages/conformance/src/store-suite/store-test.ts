import assert from "node:assert/strict";
import type {
  Joint,
  Store,
  StoreAppend,
  StoreAppended,
  StoreMeta,
  StoreOpen,
  StorePage,
} from "@holdfast/core";
import type { Runner } from "../runner.ts";
import type { Subject } from "./subject.ts";

/** Epochs, each for one open. */
export const EPOCH = "aaaaaaaaaa";
export const NEXT_EPOCH = "bbbbbbbbbb";
export const THIRD_EPOCH = "cccccccccc";

/** Longer than any test, in ms. */
export const LONG = 60_000;
/** Short enough for a test to wait for its end, in ms. */
export const SHORT = 40;

export const STREAM: StoreOpen = { kind: "stream", epoch: EPOCH, leaseMs: LONG, ttlMs: LONG, keep: 1_000 };
export const CHANNEL: StoreOpen = { ...STREAM, kind: "channel" };
/** Limits of a page that no test reaches. */
export const EVERYTHING = { frames: 1_000, bytes: 1_000_000 };

/** Appends under one epoch and fence, as one producer does. */
export interface Producer {
  readonly epoch: string;
  readonly fence: number;
  readonly append: (
    from: number | undefined,
    frames: readonly string[],
    more?: Partial<StoreAppend>,
  ) => Promise<StoreAppended>;
}

/** What a test receives: an empty store, and helpers for it. */
export interface StoreTestContext extends Required<Omit<Subject, "close">> {
  /** Opens an id, and expects to become its producer. */
  readonly openProducer: (
    id: string,
    open?: Partial<StoreOpen>,
  ) => Promise<Producer & { readonly last: number; readonly joints: readonly Joint[] | undefined }>;
  /** The meta of an id that the store must know. */
  readonly meta: (id: string) => Promise<StoreMeta>;
  /** All frames of an id that the store must know, as text. */
  readonly texts: (id: string) => Promise<string[]>;
  /** Polls until the condition is true. */
  readonly until: (condition: () => boolean | Promise<boolean>) => Promise<void>;
}

export type StoreTest = (name: string, run: (context: StoreTestContext) => Promise<void>) => void;

/** Returns a function that registers tests, each of which runs with its own empty store. */
export function storeTest({ test }: Runner, open: () => Promise<Subject>): StoreTest {
  return (name, run) =>
    test(name, async () => {
      const subject = await open();
      try {
        await run(createContext(subject));
      } finally {
        await subject.close();
      }
    });
}

function createContext(subject: Subject): StoreTestContext {
  const { store, other = store } = subject;

  async function readAll(id: string): Promise<StorePage & { readonly code: "ok" }> {
    const page = await store.read(id, null, EVERYTHING);
    assert(page.code === "ok", `${id} is ${page.code}`);
    return page;
  }

  return {
    store,
    other,
    flush: () => subject.flush(),
    pause: (ms) => subject.pause(ms),
    async openProducer(id, open = {}) {
      const opened = await store.open(id, { ...STREAM, ...open });
      assert(opened.role === "producer", `${id} has another producer`);
      return { ...producer(store, id, opened), last: opened.last, joints: opened.joints };
    },
    meta: async (id) => (await readAll(id)).meta,
    texts: async (id) => (await readAll(id)).frames.map(text),
    async until(condition) {
      for (let round = 0; round < 3_000; round++) {
        if (await condition()) return;
        await subject.pause(5);
      }
      assert.fail("The condition did not become true.");
    },
  };
}

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

/** `f1`, `f2` and so on. */
export function frames(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `f${from + index}`);
}
