import assert from "node:assert/strict";
import type { OnWake } from "@holdfast/core";
import { type Harness, type HarnessTest, NEXT_LIFE, SHORT, THIRD_LIFE } from "./harness.ts";

/** What was hinted at, as `changed job`. */
function listen(): { readonly hints: string[]; readonly onWake: OnWake } {
  const hints: string[] = [];
  return { hints, onWake: (id, why) => void hints.push(`${why} ${id}`) };
}

/** Appends frames until a hint of it comes: it may be lost. */
async function appendUntil(
  { until }: Harness,
  append: (from: number) => Promise<unknown>,
  woken: () => boolean,
): Promise<void> {
  let last = 0;
  await until(async () => {
    await append(++last);
    return woken();
  });
}

export function waking(test: HarnessTest): void {
  test("an append wakes whoever wants to know", async (harness) => {
    const { other, produce } = harness;
    const { append } = await produce("job");
    const { hints, onWake } = listen();
    const wake = other.wake(["job"], onWake);
    await appendUntil(
      harness,
      (from) => append(from, ["f"]),
      () => hints.includes("changed job"),
    );
    wake.close();
  });

  test("a new life, a takeover, a loss and an end wake too", async (harness) => {
    const { store, other, produce, meta, pause, until } = harness;
    const { hints, onWake } = listen();
    const wake = other.wake(["witness", "job"], onWake);
    const witness = await produce("witness");
    await appendUntil(
      harness,
      (from) => witness.append(from, ["f"]),
      () => hints.includes("changed witness"),
    );

    /** Nothing was lost, and this hint is of nothing that was before. */
    const wakes = async (act: () => Promise<unknown>): Promise<void> => {
      let count: number;
      do {
        count = hints.length;
        await pause(20);
      } while (count < hints.length);
      hints.length = 0;
      await act();
      await until(() => hints.includes("changed job"));
    };
    await wakes(() => produce("job"));
    const { fence } = await produce("job", { epoch: NEXT_LIFE, takeover: true, leaseMs: SHORT });
    await until(async () => (await meta("job")).leaseLeftMs <= 0);
    await wakes(() => store.lost("job", fence, { status: "lost" }));
    await wakes(() => produce("job", { epoch: NEXT_LIFE }));
    await wakes(() => produce("job", { epoch: THIRD_LIFE, takeover: true }));
    const next = await produce("job", { epoch: THIRD_LIFE, takeover: true });
    await wakes(() => next.append(1, [], { end: { status: "done" } }));
    wake.close();
  });

  test("a cancel wakes the producer", async ({ store, other, produce, until }) => {
    await produce("job");
    const { hints, onWake } = listen();
    const wake = store.wake(["job"], onWake);
    await until(async () => {
      assert.equal(await other.cancel("job", "user"), true);
      return hints.includes("cancel job");
    });
    wake.close();
  });

  test("ids come and go", async (harness) => {
    const { store, produce, until } = harness;
    const [job, room] = [await produce("job"), await produce("room")];
    const { hints, onWake } = listen();
    const wake = store.wake([], onWake);
    wake.add("job");
    wake.add("job");
    await appendUntil(
      harness,
      (from) => job.append(from, ["f"]),
      () => hints.includes("changed job"),
    );
    assert(!hints.includes("changed room"));

    wake.delete("job");
    wake.delete("job");
    wake.delete("nobody");
    wake.add("room");
    let last = 0;
    // A hint may be late: in the end there are none but those for the other one.
    await until(async () => {
      hints.length = 0;
      await job.append(undefined, [], {});
      await job.append((await harness.meta("job")).last + 1, ["f"]);
      await room.append(++last, ["f"]);
      await until(() => hints.length > 0);
      return hints.includes("changed room") && !hints.includes("changed job");
    });

    wake.add("job");
    await until(async () => {
      await job.append((await harness.meta("job")).last + 1, ["f"]);
      return hints.includes("changed job");
    });
    wake.close();
  });

  test("after the close nothing comes", async (harness) => {
    const { store, produce } = harness;
    const { append } = await produce("job");
    const [closed, witness] = [listen(), listen()];
    const wake = store.wake(["job"], closed.onWake);
    const other = store.wake(["job"], witness.onWake);
    await appendUntil(
      harness,
      (from) => append(from, ["f"]),
      () => closed.hints.includes("changed job"),
    );
    wake.close();
    wake.close();
    wake.add("job");
    wake.delete("job");
    closed.hints.length = 0;
    witness.hints.length = 0;
    await harness.until(async () => {
      await append((await harness.meta("job")).last + 1, ["f"]);
      return witness.hints.includes("changed job");
    });
    assert.deepEqual(closed.hints, []);
    other.close();
  });

  test("what was closed can be followed anew", async (harness) => {
    const { store, produce } = harness;
    const { append } = await produce("job");
    for (let round = 0; round < 3; round++) {
      const { hints, onWake } = listen();
      const wake = store.wake(["job"], onWake);
      await harness.until(async () => {
        await append((await harness.meta("job")).last + 1, ["f"]);
        return hints.includes("changed job");
      });
      wake.close();
    }
  });
}
