import { HoldfastError, type Store, type StoreWake } from "@holdfast/core";
import { createFakeClock, type FakeClock } from "@holdfast/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { describeOnRedis } from "./support/on-redis.ts";
import { append, EPOCH, EVERYTHING, STREAM, texts } from "./support/stream.ts";

/** The default of the store. With a fake clock it passes only when the test says so. */
const TIMEOUT = 5_000;

const unavailable = expect.objectContaining({ code: "STORE_UNAVAILABLE", retryable: true });

/** Polls like `eventually`, while the clock of the store runs in real time. */
async function eventuallyOn(clock: FakeClock, check: () => unknown): Promise<void> {
  let last = performance.now();
  await eventually(async () => {
    const now = performance.now();
    await clock.advance(now - last);
    last = now;
    await check();
  });
}

/** The result of a call, or its error. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    expect(error).toBeInstanceOf(HoldfastError);
    return error;
  }
}

/** Expects every call to reject after the timeout. */
async function expectAllUnavailable(store: Store, clock: FakeClock): Promise<void> {
  const outcomes = Promise.all(
    [
      store.open("job", STREAM),
      append(store, "job", 1, ["f1"]),
      store.read("job", null, EVERYTHING),
      store.cancel("job", "user"),
      store.lost("job", 1, { status: "lost" }),
      store.delete("other"),
    ].map(outcome),
  );
  await clock.advance(TIMEOUT);
  expect(await outcomes).toEqual(Array.from({ length: 6 }, () => unavailable));
}

/** Collects the changes of health. */
function collectHealth(store: Store): boolean[] {
  const changes: boolean[] = [];
  onTestFinished(store.health((healthy) => void changes.push(healthy)));
  return changes;
}

interface HintCount {
  /** Hints about the id. */
  ofId: number;
  /** Hints without an id: everything has to be read again. */
  ofEverything: number;
  readonly wake: StoreWake;
}

/** Follows an id, and counts the hints. */
function countHints(store: Store, id: string): HintCount {
  const hints = {
    ofId: 0,
    ofEverything: 0,
    wake: store.wake([id], (hinted) => {
      if (hinted === undefined) hints.ofEverything++;
      else hints.ofId++;
    }),
  };
  onTestFinished(() => hints.wake.close());
  return hints;
}

/** Appends to a stream until a hint about it arrives. */
async function expectHints(store: Store, id: string, hints: HintCount): Promise<void> {
  const { ofId } = hints;
  await eventually(async () => {
    const page = await store.read(id, null, EVERYTHING);
    const last = page.code === "missing" ? 0 : page.meta.last;
    await append(store, id, last + 1, ["f"]);
    expect(hints.ofId).toBeGreaterThan(ofId);
  });
}

describeOnRedis("when Redis", ({ server, open, connect }) => {
  test("forgets its scripts, they are sent again", async () => {
    const { store, command } = await open({ prefix: "scripts:" });
    await store.open("job", STREAM);
    for (let round = 0; round < 3; round++) {
      await command("SCRIPT", "FLUSH");
      const appended = await Promise.all(
        [1, 2, 3].map((step) => append(store, "job", round * 3 + step, [`f${step}`])),
      );
      expect(appended.map(({ code }) => code)).toEqual(["ok", "ok", "ok"]);
    }
    expect(await texts(store, "job")).toHaveLength(9);
  });

  test("is flushed, the producer can restore its stream", async () => {
    const { store, command } = await open({ prefix: "flushed:" });
    await store.open("job", STREAM);
    await append(store, "job", 1, ["f1", "f2", "f3"]);
    await command("FLUSHALL");
    expect(await append(store, "job", 4, ["f4"])).toEqual({ code: "missing" });
    expect(await store.open("job", { ...STREAM, restoreFence: 1, restoreLast: 1 })).toMatchObject({
      role: "producer",
      epoch: EPOCH,
      fence: 1,
      last: 1,
    });
    expect(await append(store, "job", 2, ["f2", "f3", "f4"])).toEqual({ code: "ok", last: 4 });
    expect(await texts(store, "job")).toEqual(["f2", "f3", "f4"]);
    expect(await store.read("job", { epoch: EPOCH, seq: 0 }, EVERYTHING)).toMatchObject({ code: "trimmed" });
  });

  test("pauses, calls reject after the timeout, and their commands do no harm when they run later", async () => {
    const clock = createFakeClock();
    const { store } = await open({ prefix: "paused:", clock });
    const changes = collectHealth(store);
    await store.open("job", STREAM);
    await append(store, "job", 1, ["f1"]);
    const { command } = await connect();
    await command("CLIENT", "PAUSE", "2000", "ALL");
    for (let round = 0; round < 2; round++) {
      const appended = outcome(append(store, "job", 2, ["f2"]));
      await clock.advance(TIMEOUT);
      expect(await appended).toEqual(unavailable);
    }
    expect(changes).toEqual([false]);

    await eventually(async () =>
      expect(await append(store, "job", 2, ["f2", "f3"])).toMatchObject({ code: "ok" }),
    );
    expect(await texts(store, "job")).toEqual(["f1", "f2", "f3"]);
    expect(changes).toEqual([false, true]);
  });

  test("hangs with open sockets, calls reject after the timeout, and hints arrive again afterwards", async () => {
    const clock = createFakeClock();
    const { store } = await open({ prefix: "hung:", clock });
    const changes = collectHealth(store);
    await store.open("job", STREAM);
    const hints = countHints(store, "job");
    await expectHints(store, "job", hints);

    const before = hints.ofEverything;
    server().freeze();
    try {
      await expectAllUnavailable(store, clock);
    } finally {
      server().thaw();
    }
    expect(changes).toEqual([false]);
    await eventually(async () => expect(await texts(store, "job")).not.toBe("missing"));
    // Writes have failed too.
    expect(changes).toEqual([false]);
    await expectHints(store, "job", hints);
    expect(changes).toEqual([false, true]);
    // The subscription may have survived. If it was replaced, there was a hint about everything.
    expect(hints.ofEverything).toBeGreaterThanOrEqual(before);
  });

  test("hangs until the subscription times out, a hint asks to read everything", async () => {
    const clock = createFakeClock();
    const reported: unknown[] = [];
    const { store } = await open({
      prefix: "given-up:",
      clock,
      observer: { failed: (info) => void reported.push(info) },
    });
    await store.open("job", STREAM);
    const hints = countHints(store, "job");
    await expectHints(store, "job", hints);
    const before = hints.ofEverything;
    server().freeze();
    try {
      await eventually(async () => {
        await clock.advance(TIMEOUT);
        expect(reported).toHaveLength(1);
      });
    } finally {
      server().thaw();
    }
    expect(reported).toEqual([{ id: undefined, stage: "store", error: expect.any(Error) }]);
    await eventuallyOn(clock, () => expect(hints.ofEverything).toBeGreaterThan(before));
    await eventually(async () => expect(await texts(store, "job")).not.toBe("missing"));
    await expectHints(store, "job", hints);
  });

  test("drops the subscription, it is made again, and a hint asks to read everything", async () => {
    const reported: unknown[] = [];
    const { store } = await open({
      prefix: "killed:",
      observer: { failed: (info) => void reported.push(info) },
    });
    const { command } = await connect();
    await store.open("job", STREAM);
    const hints = countHints(store, "job");
    await expectHints(store, "job", hints);
    for (let round = 1; round <= 3; round++) {
      const before = hints.ofEverything;
      await command("CLIENT", "KILL", "TYPE", "pubsub");
      await eventually(() => expect(hints.ofEverything).toBeGreaterThan(before));
      await expectHints(store, "job", hints);
      expect(reported).toHaveLength(round);
    }
  });

  test("is full, calls that need memory reject, and succeed again when there is room", async () => {
    const { store, command } = await open({ prefix: "full:" });
    const changes = collectHealth(store);
    await store.open("job", STREAM);
    await append(store, "job", 1, ["f1"]);
    await command("CONFIG", "SET", "maxmemory", "1mb");
    try {
      expect(await outcome(append(store, "job", 2, ["f2"]))).toEqual(unavailable);
      expect(await outcome(store.open("new", STREAM))).toEqual(unavailable);
      expect(await outcome(store.cancel("job", "user"))).toEqual(unavailable);
      expect(await texts(store, "job")).toEqual(["f1"]);
    } finally {
      await command("CONFIG", "SET", "maxmemory", "0");
    }
    expect(await append(store, "job", 2, ["f2"])).toEqual({ code: "ok", last: 2 });
    expect(await texts(store, "new")).toBe("missing");
    expect(changes).toEqual([false, true]);
  });

  test("is a replica for a while, appends reject until it is a primary again", async () => {
    const { store, command } = await open({ prefix: "replica:" });
    await store.open("job", STREAM);
    await command("REPLICAOF", "127.0.0.1", "1");
    try {
      expect(await outcome(append(store, "job", 1, ["f1"]))).toEqual(unavailable);
    } finally {
      await command("REPLICAOF", "NO", "ONE");
    }
    expect(await append(store, "job", 1, ["f1"])).toEqual({ code: "ok", last: 1 });
  });

  test("evicts one key of a stream, readers are told what is missing", async () => {
    const { store, command } = await open({ prefix: "evicted:" });
    await store.open("job", STREAM);
    await append(store, "job", 1, ["f1", "f2", "f3"]);
    await command("DEL", "evicted:{job}:s");
    expect(await store.read("job", null, EVERYTHING)).toMatchObject({
      code: "ok",
      meta: { first: 4, last: 3 },
      frames: [],
    });
    expect(await store.read("job", { epoch: EPOCH, seq: 1 }, EVERYTHING)).toMatchObject({
      code: "trimmed",
      meta: { first: 4, last: 3 },
    });
    expect(await append(store, "job", 4, ["f4"])).toEqual({ code: "ok", last: 4 });
    expect(await texts(store, "job")).toEqual(["f4"]);

    await command("DEL", "evicted:{job}:m");
    expect(await texts(store, "job")).toBe("missing");
    expect(await append(store, "job", 5, ["f5"])).toEqual({ code: "missing" });
    expect(await store.open("job", { ...STREAM, epoch: "bbbbbbbbbb" })).toMatchObject({
      role: "producer",
      last: 0,
    });
    expect(await texts(store, "job")).toEqual([]);
    expect(await append(store, "job", 1, ["new"], { epoch: "bbbbbbbbbb" })).toEqual({ code: "ok", last: 1 });
    expect(await texts(store, "job")).toEqual(["new"]);
  });

  test("has run any call, every key of the store has a TTL", async () => {
    const { store, command } = await open({ prefix: "ttl:" });
    const expectTtls = async (): Promise<void> => {
      const keys = (await command("KEYS", "ttl:*")) as string[];
      for (const key of keys) expect(Number(await command("PTTL", key)), key).toBeGreaterThan(0);
    };
    const calls: (() => Promise<unknown>)[] = [
      () => store.open("job", STREAM),
      () => append(store, "job", 1, ["f1"]),
      () => append(store, "job", undefined, []),
      () => store.cancel("job", "user"),
      () => store.open("job", { ...STREAM, ifExists: "append", epoch: "bbbbbbbbbb" }),
      () => store.open("job", { ...STREAM, epoch: "bbbbbbbbbb", restoreFence: 2, restoreLast: 5 }),
      () =>
        append(store, "job", 6, ["f6"], { epoch: "bbbbbbbbbb", fence: 2, interrupt: { retryWindowMs: 1 } }),
      () => append(store, "job", 7, ["f7"], { epoch: "bbbbbbbbbb", fence: 2, end: { status: "done" } }),
      () => store.open("job", { ...STREAM, epoch: "cccccccccc", leaseMs: 1 }),
      () => store.lost("job", 3, { status: "lost" }),
      () => store.open("room", { ...STREAM, kind: "channel" }),
      () => append(store, "room", undefined, ["f1"], { fence: 0, batch: { producer: "p", number: 1 } }),
    ];
    for (const call of calls) {
      await call();
      await expectTtls();
    }
    expect(await command("KEYS", "ttl:*")).toHaveLength(4);
  });

  test("is restarted empty, calls succeed again and hints arrive again", async () => {
    const clock = createFakeClock();
    const { store } = await open({
      prefix: "restarted:",
      clock,
      observer: { failed: () => undefined },
    });
    const changes = collectHealth(store);
    await store.open("job", STREAM);
    const hints = countHints(store, "job");
    await expectHints(store, "job", hints);
    const before = hints.ofEverything;
    await server().restart();
    await eventually(async () => expect(await texts(store, "job")).toBe("missing"));
    expect(await store.open("job", { ...STREAM, restoreFence: 1 })).toMatchObject({
      role: "producer",
      last: 0,
    });
    await eventuallyOn(clock, () => expect(hints.ofEverything).toBeGreaterThan(before));
    await expectHints(store, "job", hints);
    expect(changes[0]).toBe(false);
    expect(changes.at(-1)).toBe(true);
  });

  test("stays away, calls reject after the timeout, and the hints can be closed", async () => {
    const clock = createFakeClock();
    const { store } = await open({
      prefix: "gone:",
      clock,
      observer: { failed: () => undefined },
    });
    await store.open("job", STREAM);
    const hints = countHints(store, "job");
    await expectHints(store, "job", hints);
    await server().stop();
    await expectAllUnavailable(store, clock);
    hints.wake.close();
  });
});
