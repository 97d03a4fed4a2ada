import { HoldfastError, type Store, type StoreWake } from "@holdfast/core";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/adapter-suite/eventually.ts";
import { describeOnRedis } from "./support/on-redis.ts";
import { append, EPOCH, EVERYTHING, STREAM, texts } from "./support/stream.ts";

const TIMEOUT = 300;

const unavailable = expect.objectContaining({ code: "STORE_UNAVAILABLE", retryable: true });

/** What a call was told, whatever it was. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    expect(error).toBeInstanceOf(HoldfastError);
    return error;
  }
}

/** Every call there is, each refused; that it is in time is told by the test coming to its end. */
async function expectRefusals(store: Store): Promise<void> {
  const answers = await Promise.all(
    [
      store.open("job", STREAM),
      append(store, "job", 1, ["f1"]),
      store.read("job", null, EVERYTHING),
      store.cancel("job", "user"),
      store.lost("job", 1, { status: "lost" }),
      store.delete("other"),
    ].map(outcome),
  );
  expect(answers).toEqual(answers.map(() => unavailable));
}

/** Changes of health, as the store tells them. */
function listen(store: Store): boolean[] {
  const changes: boolean[] = [];
  onTestFinished(store.health((healthy) => void changes.push(healthy)));
  return changes;
}

/** Follows an id, and counts. */
function follow(store: Store, id: string): { count: number; everything: number; readonly wake: StoreWake } {
  const seen = {
    count: 0,
    everything: 0,
    wake: store.wake([id], (woken) => {
      if (woken === undefined) seen.everything++;
      else seen.count++;
    }),
  };
  onTestFinished(() => seen.wake.close());
  return seen;
}

/** Appends to a stream until a hint of it comes. */
async function expectWakes(store: Store, id: string, seen: { count: number }): Promise<void> {
  const { count } = seen;
  await eventually(async () => {
    const page = await store.read(id, null, EVERYTHING);
    const last = page.code === "missing" ? 0 : page.meta.last;
    await append(store, id, last + 1, ["f"]);
    expect(seen.count).toBeGreaterThan(count);
  });
}

describeOnRedis("a Redis that fails", ({ server, open, connect }) => {
  test("forgets its scripts: they are sent again", async () => {
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

  test("is flushed: the producer restores its stream", async () => {
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

  test("pauses: calls are refused in time, and what it was sent does no harm", async () => {
    const { store } = await open({ prefix: "paused:", timeout: TIMEOUT });
    const changes = listen(store);
    await store.open("job", STREAM);
    await append(store, "job", 1, ["f1"]);
    const { command } = await connect();
    await command("CLIENT", "PAUSE", "1500", "ALL");
    expect(await outcome(append(store, "job", 2, ["f2"]))).toEqual(unavailable);
    expect(await outcome(append(store, "job", 2, ["f2"]))).toEqual(unavailable);
    expect(changes).toEqual([false]);

    await eventually(async () =>
      expect(await append(store, "job", 2, ["f2", "f3"])).toMatchObject({ code: "ok" }),
    );
    expect(await texts(store, "job")).toEqual(["f1", "f2", "f3"]);
    expect(changes).toEqual([false, true]);
  });

  test("hangs, its sockets open: calls are refused in time, hints come again", async () => {
    const { store } = await open({ prefix: "hung:", timeout: TIMEOUT });
    const changes = listen(store);
    await store.open("job", STREAM);
    const seen = follow(store, "job");
    await expectWakes(store, "job", seen);

    const before = seen.everything;
    server().freeze();
    try {
      await expectRefusals(store);
    } finally {
      server().thaw();
    }
    expect(changes).toEqual([false]);
    await eventually(async () => expect(await texts(store, "job")).not.toBe("missing"));
    expect(changes).toEqual([false, true]);
    await expectWakes(store, "job", seen);
    // The subscription may have been lost with the hang or not; if it was, everything was to be looked at.
    expect(seen.everything).toBeGreaterThanOrEqual(before);
  });

  test("hangs until the subscription is given up: everything has to be looked at", async () => {
    const reported: unknown[] = [];
    const { store } = await open({
      prefix: "given-up:",
      timeout: TIMEOUT,
      observer: { failed: (info) => void reported.push(info) },
    });
    await store.open("job", STREAM);
    const seen = follow(store, "job");
    await expectWakes(store, "job", seen);
    const before = seen.everything;
    server().freeze();
    try {
      await eventually(() => expect(reported).toHaveLength(1));
    } finally {
      server().thaw();
    }
    expect(reported).toEqual([{ id: undefined, stage: "store", error: expect.any(Error) }]);
    await eventually(() => expect(seen.everything).toBeGreaterThan(before));
    await eventually(async () => expect(await texts(store, "job")).not.toBe("missing"));
    await expectWakes(store, "job", seen);
  });

  test("drops the subscription: it is made again, and everything has to be looked at", async () => {
    const reported: unknown[] = [];
    const { store } = await open({
      prefix: "killed:",
      observer: { failed: (info) => void reported.push(info) },
    });
    const { command } = await connect();
    await store.open("job", STREAM);
    const seen = follow(store, "job");
    await expectWakes(store, "job", seen);
    for (let round = 1; round <= 3; round++) {
      const before = seen.everything;
      await command("CLIENT", "KILL", "TYPE", "pubsub");
      await eventually(() => expect(seen.everything).toBeGreaterThan(before));
      await expectWakes(store, "job", seen);
      expect(reported).toHaveLength(round);
    }
  });

  test("is full: it is not available, and goes on when there is room", async () => {
    const { store, command } = await open({ prefix: "full:" });
    const changes = listen(store);
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

  test("is a replica for a while: it is not available", async () => {
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

  test("evicts one key alone: what is missing is said", async () => {
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

  test("keeps nothing without an end to it", async () => {
    const { store, command } = await open({ prefix: "ttl:" });
    const lives = async (): Promise<void> => {
      const keys = (await command("KEYS", "ttl:*")) as string[];
      for (const key of keys) expect(Number(await command("PTTL", key)), key).toBeGreaterThan(0);
    };
    const steps: (() => Promise<unknown>)[] = [
      () => store.open("job", STREAM),
      () => append(store, "job", 1, ["f1"]),
      () => append(store, "job", undefined, []),
      () => store.cancel("job", "user"),
      () => store.open("job", { ...STREAM, takeover: true, epoch: "bbbbbbbbbb" }),
      () => store.open("job", { ...STREAM, restoreFence: 2, restoreLast: 5 }),
      () => append(store, "job", 6, ["f6"], { fence: 2, leaseMs: 1, end: { status: "done" } }),
      () => store.open("job", { ...STREAM, epoch: "cccccccccc", leaseMs: 1 }),
      () => store.lost("job", 3, { status: "lost" }),
      () => store.open("room", { ...STREAM, kind: "channel" }),
      () => append(store, "room", undefined, ["f1"], { fence: 0, batch: { producer: "p", number: 1 } }),
    ];
    for (const step of steps) {
      await step();
      await lives();
    }
    expect(await command("KEYS", "ttl:*")).toHaveLength(4);
  });

  test("is restarted, empty: calls go on, hints come again", async () => {
    const { store } = await open({
      prefix: "restarted:",
      timeout: TIMEOUT,
      observer: { failed: () => undefined },
    });
    const changes = listen(store);
    await store.open("job", STREAM);
    const seen = follow(store, "job");
    await expectWakes(store, "job", seen);
    const before = seen.everything;
    await server().restart();
    await eventually(async () => expect(await texts(store, "job")).toBe("missing"));
    expect(await store.open("job", { ...STREAM, restoreFence: 1 })).toMatchObject({
      role: "producer",
      last: 0,
    });
    await eventually(() => expect(seen.everything).toBeGreaterThan(before));
    await expectWakes(store, "job", seen);
    expect(changes[0]).toBe(false);
    expect(changes.at(-1)).toBe(true);
  });

  test("does not come back: calls are refused in time, and what was wanted can be let go", async () => {
    const { store } = await open({
      prefix: "gone:",
      timeout: TIMEOUT,
      observer: { failed: () => undefined },
    });
    await store.open("job", STREAM);
    const seen = follow(store, "job");
    await expectWakes(store, "job", seen);
    await server().stop();
    await expectRefusals(store);
    seen.wake.close();
  });
});
