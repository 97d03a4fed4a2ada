import { setTimeout as pause } from "node:timers/promises";
import { HoldfastError, type Store, type StoreAppended } from "@holdfast/core";
import { expect, onTestFailed, test } from "vitest";
import { redisStore } from "../src/index.ts";
import { describeOnRedis } from "./support/on-redis.ts";
import { append, EPOCH, STREAM } from "./support/stream.ts";

const FRAMES = 1_000;
const frame = (number: number): string => `frame ${number}`;

/** Numbers in [0, 1) by mulberry32: the same ones for the same seed. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Asks until the store is there. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof HoldfastError && error.code === "STORE_UNAVAILABLE")) throw error;
      await pause(5);
    }
  }
}

/** Sends its frames by their numbers, and again whatever the store has lost. */
async function produce(store: Store, random: () => number): Promise<void> {
  let next = 1;
  let made = 0;
  const end = { status: "done" } as const;
  for (;;) {
    if (next > made) made = Math.min(FRAMES, made + 1 + Math.floor(random() * 4));
    const to = made;
    const frames = Array.from({ length: to - next + 1 }, (_, index) => frame(next + index));
    const from = next;
    const answer: StoreAppended = await insist(() =>
      append(store, "job", from, frames, to === FRAMES ? { end } : {}),
    );
    if (answer.code === "ok") {
      // It may have been there already, and more.
      next = answer.last + 1;
      if (to === FRAMES) return;
    } else if (answer.code === "gap") {
      next = answer.expected;
    } else if (answer.code === "closed") {
      expect(answer.end).toEqual(end);
      return;
    } else {
      expect(answer.code).toBe("missing");
      const opened = await insist(() => store.open("job", { ...STREAM, restoreFence: 1 }));
      expect(opened).toMatchObject({ role: "producer", epoch: EPOCH, fence: 1 });
      next = 1;
    }
    await pause(random() * 4);
  }
}

/** Follows the stream to its end, woken by hints and looking now and then by itself. */
async function follow(store: Store, limit: number): Promise<string[]> {
  const log: string[] = [];
  let wakeUp: () => void = () => undefined;
  const wake = store.wake(["job"], () => wakeUp());
  try {
    for (;;) {
      const hinted = new Promise<void>((resolve) => {
        wakeUp = resolve;
      });
      const page = await insist(() =>
        store.read("job", { epoch: EPOCH, seq: log.length }, { frames: limit, bytes: 1_000 }),
      );
      if (page.code === "ok") {
        log.push(...page.frames.map((bytes) => Buffer.from(bytes).toString()));
        if (page.meta.end !== undefined && log.length === page.meta.last) return log;
        if (page.frames.length > 0) continue;
      } else {
        // What was lost is being sent again.
        expect(["missing", "ahead"]).toContain(page.code);
      }
      await Promise.race([hinted, pause(50)]);
    }
  } finally {
    wake.close();
  }
}

describeOnRedis("whatever happens to Redis", ({ server, library, connect }) => {
  test("readers get every frame once, in order, and the end", async () => {
    const seed = Number(process.env.HOLDFAST_SEED ?? Date.now() % 2 ** 32);
    onTestFailed(() => console.log(`To repeat it: HOLDFAST_SEED=${seed}`));
    const random = chance(seed);
    const options = { timeout: 100, observer: { failed: () => undefined } };
    const machines = await Promise.all([connect(), connect(), connect()]);
    const stores = machines.map(({ client }) => redisStore({ client, ...options }));
    const [producer, here, there] = stores as [Store, Store, Store];
    await insist(() => producer.open("job", STREAM));

    const command = async (...args: string[]): Promise<void> => {
      const admin = await library.connect(server().port);
      // It may be the one that is cut.
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
    let over = false;
    const trouble = async (): Promise<void> => {
      for (let turn = 0; !over; turn++) {
        await pause(random() * 120);
        await faults[(turn + Math.floor(random() * 3)) % faults.length]?.();
      }
    };
    const troubled = trouble();
    const read = Promise.all([follow(here, 1_000), follow(here, 7), follow(there, 50)]);
    await produce(producer, random);
    over = true;
    await troubled;
    // The very last trouble may have come behind the end: whoever is still there sends it again.
    const whole = Array.from({ length: FRAMES }, (_, index) => frame(index + 1));
    const done = read.then((logs) => {
      for (const log of logs) expect(log).toEqual(whole);
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
