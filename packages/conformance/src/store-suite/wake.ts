import assert from "node:assert/strict";
import type { OnWake } from "@holdfast/core";
import { NEXT_EPOCH, SHORT, type StoreTest, type StoreTestContext, THIRD_EPOCH } from "./store-test.ts";

const FOURTH_EPOCH = "dddddddddd";
const FIFTH_EPOCH = "eeeeeeeeee";

/** Collects hints as text, such as `changed job`. */
function collectHints(): { readonly hints: string[]; readonly onWake: OnWake } {
  const hints: string[] = [];
  return { hints, onWake: (id, why) => void hints.push(`${why} ${id}`) };
}

/** Appends frames until a hint has arrived, because a single hint may be lost. */
async function appendUntil(
  { until }: StoreTestContext,
  append: (from: number) => Promise<unknown>,
  hinted: () => boolean,
): Promise<void> {
  let last = 0;
  await until(async () => {
    await append(++last);
    return hinted();
  });
}

export function testWake(test: StoreTest): void {
  test("wake MUST call back after an append", async (context) => {
    const { other, openProducer } = context;
    const { append } = await openProducer("job");
    const { hints, onWake } = collectHints();
    const wake = other.wake(["job"], onWake);
    await appendUntil(
      context,
      (from) => append(from, ["f"]),
      () => hints.includes("changed job"),
    );
    wake.close();
  });

  test("wake MUST call back after an open, a continuation, a replacement, a loss and an end", async (context) => {
    const { store, other, openProducer, meta, pause, until } = context;
    const { hints, onWake } = collectHints();
    const wake = other.wake(["first", "job"], onWake);
    // Once a hint about the first id has arrived, the subscription stands.
    const first = await openProducer("first");
    await appendUntil(
      context,
      (from) => first.append(from, ["f"]),
      () => hints.includes("changed first"),
    );

    /** Waits until no more hints arrive, then expects one that `act` causes. */
    const expectHint = async (act: () => Promise<unknown>): Promise<void> => {
      let count: number;
      do {
        count = hints.length;
        await pause(20);
      } while (count < hints.length);
      hints.length = 0;
      await act();
      await until(() => hints.includes("changed job"));
    };
    await expectHint(() => openProducer("job"));
    const { fence } = await openProducer("job", { epoch: NEXT_EPOCH, ifExists: "append", leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    await expectHint(() => store.lost("job", fence, { status: "lost" }));
    await expectHint(() => openProducer("job", { epoch: THIRD_EPOCH }));
    await expectHint(() => openProducer("job", { epoch: FOURTH_EPOCH, ifExists: "append" }));
    await expectHint(() => openProducer("job", { epoch: FIFTH_EPOCH, ifExists: "replace" }));
    const next = await openProducer("job", { epoch: FIFTH_EPOCH, ifExists: "replace" });
    await expectHint(() => next.append(1, [], { end: { status: "done" } }));
    wake.close();
  });

  test("wake MUST call back with `cancel` after a cancel", async ({ store, other, openProducer, until }) => {
    await openProducer("job");
    const { hints, onWake } = collectHints();
    const wake = store.wake(["job"], onWake);
    await until(async () => {
      assert.equal(await other.cancel("job", "user"), true);
      return hints.includes("cancel job");
    });
    wake.close();
  });

  test("wake MUST call back with `disconnect` after `hintDisconnect`, also for an unknown id", async ({
    store,
    other,
    until,
  }) => {
    const { hints, onWake } = collectHints();
    const wake = store.wake(["key:anna"], onWake);
    await until(async () => {
      await other.hintDisconnect("key:anna");
      return hints.includes("disconnect key:anna");
    });
    assert.equal((await store.read("key:anna", null, { frames: 1, bytes: 1 })).code, "missing");
    wake.close();
  });

  test("wake MUST let its caller add and delete ids", async (context) => {
    const { store, openProducer, meta, until } = context;
    const [job, room] = [await openProducer("job"), await openProducer("room")];
    const { hints, onWake } = collectHints();
    const wake = store.wake([], onWake);
    wake.add("job");
    wake.add("job");
    await appendUntil(
      context,
      (from) => job.append(from, ["f"]),
      () => hints.includes("changed job"),
    );
    assert(!hints.includes("changed room"));

    wake.delete("job");
    wake.delete("job");
    wake.delete("unknown");
    wake.add("room");
    let last = 0;
    // Late hints about the deleted id are allowed, but they have to stop.
    await until(async () => {
      hints.length = 0;
      await job.append(undefined, [], {});
      await job.append((await meta("job")).last + 1, ["f"]);
      await room.append(++last, ["f"]);
      await until(() => hints.length > 0);
      return hints.includes("changed room") && !hints.includes("changed job");
    });

    wake.add("job");
    await until(async () => {
      await job.append((await meta("job")).last + 1, ["f"]);
      return hints.includes("changed job");
    });
    wake.close();
  });

  test("wake MUST NOT call back after its close", async ({ store, openProducer, meta, until }) => {
    const { append } = await openProducer("job");
    const [closed, open] = [collectHints(), collectHints()];
    const wake = store.wake(["job"], closed.onWake);
    const openWake = store.wake(["job"], open.onWake);
    const appendFrame = async (): Promise<unknown> => append((await meta("job")).last + 1, ["f"]);
    await until(async () => {
      await appendFrame();
      return closed.hints.includes("changed job");
    });
    wake.close();
    wake.close();
    wake.add("job");
    wake.delete("job");
    closed.hints.length = 0;
    open.hints.length = 0;
    await until(async () => {
      await appendFrame();
      return open.hints.includes("changed job");
    });
    assert.deepEqual(closed.hints, []);
    openWake.close();
  });

  test("wake MUST work again for an id after an earlier close", async ({
    store,
    openProducer,
    meta,
    until,
  }) => {
    const { append } = await openProducer("job");
    for (let round = 0; round < 3; round++) {
      const { hints, onWake } = collectHints();
      const wake = store.wake(["job"], onWake);
      await until(async () => {
        await append((await meta("job")).last + 1, ["f"]);
        return hints.includes("changed job");
      });
      wake.close();
    }
  });
}
