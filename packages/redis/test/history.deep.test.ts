import { setTimeout as pause } from "node:timers/promises";
import { HoldfastError, type Store, type StoreAppended } from "@holdfast/core";
import { expect, onTestFailed, test } from "vitest";
import { redisStore } from "../src/index.ts";
import { describeOnRedis } from "./support/on-redis.ts";
import { append, EPOCH, STREAM } from "./support/stream.ts";

const FRAMES = 1_000;
const frame = (number: number): string => `frame ${number}`;

/** Returns numbers in [0, 1), the same sequence for the same seed. The algorithm is mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Repeats a call until the store is available. */
async function retry<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(HoldfastError.is(error) && error.code === "STORE_UNAVAILABLE")) throw error;
      await pause(5);
    }
  }
}

/** Appends all frames by their numbers, and appends again what the store has lost. */
async function produce(store: Store, random: () => number): Promise<void> {
  let next = 1;
  let produced = 0;
  const end = { status: "done" } as const;
  for (;;) {
    if (next > produced) produced = Math.min(FRAMES, produced + 1 + Math.floor(random() * 4));
    const to = produced;
    const frames = Array.from({ length: to - next + 1 }, (_, index) => frame(next + index));
    const from = next;
    const appended: StoreAppended = await retry(() =>
      append(store, "job", from, frames, to === FRAMES ? { end } : {}),
    );
    if (appended.code === "ok") {
      // An earlier attempt may have appended these frames and more.
      next = appended.last + 1;
      if (to === FRAMES) return;
    } else if (appended.code === "gap") {
      next = appended.expected;
    } else if (appended.code === "closed") {
      expect(appended.end).toEqual(end);
      return;
    } else {
      expect(appended.code).toBe("missing");
      const opened = await retry(() => store.open("job", { ...STREAM, restoreFence: 1 }));
      expect(opened).toMatchObject({ role: "producer", epoch: EPOCH, fence: 1 });
      next = 1;
    }
    await pause(random() * 4);
  }
}

/** Reads the stream to its end, after each hint and every 50 ms. */
async function readToEnd(store: Store, limit: number): Promise<string[]> {
  const log: string[] = [];
  let onHint: () => void = () => undefined;
  const wake = store.wake(["job"], () => onHint());
  try {
    for (;;) {
      const hinted = new Promise<void>((resolve) => {
        onHint = resolve;
      });
      const page = await retry(() =>
        store.read("job", { epoch: EPOCH, seq: log.length }, { frames: limit, bytes: 1_000 }),
      );
      if (page.code === "ok") {
        log.push(...page.frames.map((bytes) => Buffer.from(bytes).toString()));
        if (page.meta.end !== undefined && log.length === page.meta.last) return log;
        if (page.frames.length > 0) continue;
      } else {
        // The store has lost frames, and the producer is appending them again.
        expect(["missing", "ahead"]).toContain(page.code);
      }
      await Promise.race([hinted, pause(50)]);
    }
  } finally {
    wake.close();
  }
}

describeOnRedis("while Redis fails in random ways", ({ server, library, connect }) => {
  test("readers get every frame once, in order, and the end", async () => {
    const seed = Number(process.env.HOLDFAST_SEED ?? Date.now() % 2 ** 32);
    onTestFailed(() => console.log(`To repeat it: HOLDFAST_SEED=${seed}`));
    const random = randomFrom(seed);
    const options = { timeout: 100, observer: { failed: () => undefined } };
    const clients = await Promise.all([connect(), connect(), connect()]);
    const stores = clients.map(({ client }) => redisStore({ client, ...options }));
    const [producer, here, there] = stores as [Store, Store, Store];
    await retry(() => producer.open("job", STREAM));

    const command = async (...args: string[]): Promise<void> => {
      const admin = await library.connect(server().port);
      // CLIENT KILL may close this connection too.
      await admin.command(...args).catch(() => undefined);
      admin.close();
    };
    const faults: readonly (() => Promise<void>)[] = [
      () => command("SCRIPT", "FLUSH"),
      () => command("FLUSHALL"),
      () => command("CLIENT", "KILL", "TYPE", "pubsub"),
      () => command("CLIENT", "KILL", "TYPE", "normal"),
      () => command("CLIENT", "PAUSE", "150", "ALL"),
      () => command("DEL", "hf:{job}:m"),
      () => server().restart(),
      async () => {
        server().freeze();
        await pause(150);
        server().thaw();
      },
    ];
    let produced = false;
    const causeFaults = async (): Promise<void> => {
      for (let turn = 0; !produced; turn++) {
        await pause(random() * 120);
        await faults[(turn + Math.floor(random() * 3)) % faults.length]?.();
      }
    };
    const causingFaults = causeFaults();
    const read = Promise.all([readToEnd(here, 1_000), readToEnd(here, 7), readToEnd(there, 50)]);
    await produce(producer, random);
    produced = true;
    await causingFaults;
    // The last fault may have come after the end, so the producer goes on appending until all readers are done.
    const all = Array.from({ length: FRAMES }, (_, index) => frame(index + 1));
    const done = read.then((logs) => {
      for (const log of logs) expect(log).toEqual(all);
    });
    let finished = false;
    void done.finally(() => {
      finished = true;
    });
    while (!finished) {
      await produce(producer, random);
      await Promise.race([done, pause(100)]);
    }
    await done;
  }, 60_000);
});
