import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { AnyEvents } from "../../src/protocol/event.ts";
import type { RegistryOptions } from "../../src/registry/types.ts";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import type { StreamWriter } from "../../src/stream/writer.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { createTestRegistry, type TestClient } from "../support/test-registry.ts";

// Covers src/stream/interruptions.ts, producer-session.ts and memory-host.ts, and the joints of src/log/log.ts.

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const names = ({ blocks }: TestClient): string[] => blocks.map(([event]) => event);
/** Each producer has another epoch. */
function retried(options: RegistryOptions = {}) {
  return createTestRegistry({ retryWindow: 30_000, random: seededRandom(1), ...options });
}

describe("a producer that fails, with a `retryWindow`", () => {
  test("interrupts its stream: readers and new clients get what is held, hear INTERRUPTED and stay", async () => {
    const { registry, clock, connect } = retried();
    const job = await registry.open("a");
    const early = connect("a");
    job.push({ data: 1 });
    await job.fail(new Error("secret"));
    await clock.flush();
    const late = connect("a");
    const resumed = connect("a", { cursor: `${job.epoch}.1` });
    await clock.flush();
    expect(registry.get("a")?.status).toBe("interrupted");
    expect(await registry.find("a")).toMatchObject({ status: "interrupted", last: 1 });
    for (const client of [early, late, resumed]) {
      expect(client.blocks.at(-1)).toEqual([
        "stream.error",
        undefined,
        expect.objectContaining({ code: "INTERRUPTED", retryable: true }),
      ]);
      expect(client.state).toBe("open");
      expect(client.text).not.toContain("secret");
    }
    expect(late.blocks[0]?.[2]).toMatchObject({ state: "live" });
    expect([early.events, late.events, resumed.events]).toEqual([[1], [1], []]);
  });

  test("fails it when the window is over, with the error that was given", async () => {
    const { registry, clock, connect } = retried();
    const job = await registry.open("a");
    const client = connect("a");
    await job.fail(new HoldfastError("SOURCE_FAILED", "The model is away.", { retryable: true }));
    await clock.advance(29_999);
    expect(client.state).toBe("open");
    await clock.advance(1);
    expect(registry.get("a")?.status).toBe("failed");
    expect(client.blocks.slice(-2).map(([event, , data]) => [event, data])).toEqual([
      ["stream.error", { code: "SOURCE_FAILED", message: "The model is away.", retryable: false }],
      ["stream.end", { status: "failed" }],
    ]);
    await clock.advance(60_000);
    expect([registry.size, clock.timers]).toEqual([0, 0]);
  });

  test.each<[string, (job: StreamWriter<AnyEvents>) => Promise<unknown> | void]>([
    ["by `pipe`", (job) => job.pipe(() => Promise.reject(new Error("secret")))],
    ["by a retryable error", (job) => job.fail(new HoldfastError("GONE", "Later.", { retryable: true }))],
    ["when `using` is left", (job) => job[Symbol.dispose]()],
  ])("interrupts it %s", async (_how, fail) => {
    const { registry, clock } = retried();
    const job = await registry.open("a");
    const result = await fail(job);
    await clock.flush();
    expect(registry.get("a")?.status).toBe("interrupted");
    expect([undefined, "interrupted"]).toContain(result);
  });

  test("fails it at once with a HoldfastError that is not retryable, and `pipe` says so", async () => {
    const { registry } = retried();
    const job = await registry.open("a");
    expect(await job.pipe(() => Promise.reject(new HoldfastError("GONE", "Deleted.")))).toBe("failed");
    expect(registry.get("a")?.status).toBe("failed");
  });

  test("`retryWithin` interrupts it whatever the option, and 0 fails it at once", async () => {
    const { registry, clock } = createTestRegistry();
    const [job, other] = [await registry.open("a"), await registry.open("b", { retryWindow: 1_000 })];
    await job.fail(new HoldfastError("GONE", "Not yet."), { retryWithin: 2_000 });
    await other.fail(new Error("no"), { retryWithin: 0 });
    expect([registry.get("a")?.status, registry.get("b")?.status]).toEqual(["interrupted", "failed"]);
    await clock.advance(2_000);
    expect(registry.get("a")?.status).toBe("failed");
    await expect(job.fail(new Error(), { retryWithin: -1 })).rejects.toEqual(code("INVALID_OPTION"));
  });
});

describe("open with `ifExists`", () => {
  test("`append` continues behind the last event: no reader and no cursor of the life is reset", async () => {
    const { registry, clock, connect } = retried();
    const first = await registry.open("a");
    const reader = connect("a");
    first.push({ data: 1 });
    first.push({ data: 2 });
    await first.fail(new Error("crash"));
    await clock.flush();
    const second = await registry.open("a", { ifExists: "append" });
    expect([second.last, second.epoch === first.epoch]).toEqual([2, false]);
    second.push({ data: 3 });
    await second.end();
    const back = connect("a", { cursor: `${first.epoch}.1` });
    const late = connect("a");
    const ahead = connect("a", { cursor: `${first.epoch}.3` });
    const unknown = connect("a", { cursor: "zzzzzzzzzz.1" });
    await clock.flush();
    expect([reader.events, back.events, late.events]).toEqual([
      [1, 2, 3],
      [2, 3],
      [1, 2, 3],
    ]);
    expect([...names(reader), ...names(back), ...names(late)]).not.toContain("stream.reset");
    expect(late.blocks.filter(([event]) => event === "message").map(([, id]) => id)).toEqual([
      `${first.epoch}.1`,
      `${first.epoch}.2`,
      `${second.epoch}.3`,
    ]);
    expect(ahead.blocks[1]?.[2]).toEqual({ reason: "ahead", lost: null });
    expect(unknown.blocks[1]?.[2]).toEqual({ reason: "epoch", lost: null });
  });

  test("keeps the last eight joints: an older cursor starts over", async () => {
    const { registry, clock, connect } = retried();
    const epochs: string[] = [];
    for (let life = 0; life < 10; life++) {
      const job = await registry.open("a", { ifExists: "append" });
      epochs.push(job.epoch);
      job.push({ data: life });
    }
    const resets = epochs.map((epoch) =>
      names(connect("a", { cursor: `${epoch}.1` })).includes("stream.reset"),
    );
    await clock.flush();
    expect(resets).toEqual([true, ...Array.from({ length: 9 }, () => false)]);
  });

  test("`append` and `replace` fence the living producer off: its signal aborts with TAKEN_OVER, its pushes are ignored", async () => {
    for (const ifExists of ["append", "replace"] as const) {
      const { registry, clock, connect, observed } = createTestRegistry();
      const first = await registry.open("a");
      const reader = connect("a");
      first.push({ data: "first" });
      await clock.flush();
      const second = await registry.open("a", { ifExists });
      expect(first.signal.reason).toEqual(code("TAKEN_OVER"));
      expect(first.push({ data: "late" })).toBeUndefined();
      await first.end();
      await first.fail(new Error("late"));
      second.push({ data: "second" });
      await clock.flush();
      expect(reader.events).toEqual(["first", "second"]);
      expect(names(reader).includes("stream.reset")).toBe(ifExists === "replace");
      expect(registry.get("a")?.status).toBe("live");
      expect(observed.warned).toMatchObject([{ id: "a" }]);
    }
  });

  test("`throw` is STREAM_EXISTS for a living producer only; an interrupted stream begins a new life", async () => {
    const { registry, clock, connect } = retried();
    const first = await registry.open("a");
    await expect(registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    const reader = connect("a");
    first.push({ data: 1 });
    await first.fail(new Error("crash"));
    await clock.flush();
    const second = await registry.open("a");
    second.push({ data: 2 });
    await second.end();
    await clock.flush();
    expect(names(reader)).toEqual([
      "stream.open",
      "stream.live",
      "message",
      "stream.error",
      "stream.reset",
      "message",
      "stream.end",
    ]);
    expect(reader.blocks[4]).toEqual(["stream.reset", `${second.epoch}.0`, { reason: "epoch", lost: null }]);
  });

  test("`append` to a stream that is done or cancelled rejects STREAM_ENDED; to any other, and to nothing, it opens", async () => {
    const { registry } = createTestRegistry();
    const append = { ifExists: "append" } as const;
    await (await registry.open("done", append)).end();
    await registry.open("cancelled");
    await registry.cancel("cancelled");
    for (const status of ["done", "cancelled"]) {
      await expect(registry.open(status, append)).rejects.toMatchObject({
        code: "STREAM_ENDED",
        message: expect.stringContaining(status) as string,
      });
    }
    await (await registry.open("failed")).fail(new Error("no"));
    expect((await registry.open("failed", append)).last).toBe(0);
    registry.channel("room");
    await expect(registry.open("room", append)).rejects.toEqual(code("STREAM_EXISTS"));
    await expect(registry.open("x", { ifExists: "ignore" as never })).rejects.toEqual(code("INVALID_OPTION"));
  });
});

describe("a snapshot during an interruption", () => {
  function asked(answer: () => Snapshot<AnyEvents> | undefined) {
    const calls: number[] = [];
    const place = retried({
      snapshot: () => {
        calls.push(place.clock.now());
        return answer();
      },
    });
    return { ...place, calls };
  }

  test("is asked at once and then every 2 s, only while there are readers", async () => {
    const { registry, clock, connect, calls } = asked(() => undefined);
    const job = await registry.open("a");
    await job.fail(new Error("crash"));
    await clock.advance(5_000);
    expect(calls).toEqual([]);
    const client = connect("a");
    await clock.advance(5_000);
    expect(calls.length).toBeGreaterThanOrEqual(3);
    client.leave();
    const before = calls.length;
    await clock.advance(10_000);
    expect(calls).toHaveLength(before);
  });

  test("that says finished ends it: readers are moved to that answer", async () => {
    const { registry, clock, connect } = asked(() => ({
      state: "done",
      events: [{ event: "result", data: 42 }],
    }));
    const job = await registry.open("a");
    job.push({ data: "half" });
    const client = connect("a", { cursor: `${job.epoch}.0` });
    await job.fail(new Error("crash"));
    await clock.flush();
    expect(client.blocks.slice(-3).map(([event, , data]) => [event, data])).toEqual([
      ["stream.reset", { reason: "epoch", lost: null }],
      ["result", 42],
      ["stream.end", { status: "done" }],
    ]);
    const late = connect("a");
    await clock.flush();
    expect(late.events).toEqual([42]);
    await clock.advance(60_000);
    expect(clock.timers).toBe(0);
  });

  test("that was asked for before it does not count, even in the same millisecond", async () => {
    const answers: ((snapshot: Snapshot<AnyEvents>) => void)[] = [];
    const { registry, clock, connect } = retried({
      snapshot: () => new Promise((resolve) => answers.push(resolve)),
    });
    const job = await registry.open("a");
    const reader = connect("a");
    // This client cannot continue, so the snapshot is asked.
    connect("a", { cursor: "zzzzzzzzzz.1" });
    await job.fail(new Error("crash"));
    answers[0]?.({ state: "done", events: [{ data: "out of date" }] });
    await clock.advance(0);
    expect([registry.get("a")?.status, reader.events]).toEqual(["interrupted", []]);
    answers[1]?.({ state: "done", events: [{ data: "result" }] });
    await clock.flush();
    expect(reader.events).toEqual(["result"]);
  });

  test("that says running or pending prolongs it, to `idle` at most", async () => {
    const { registry, clock, connect } = asked(() => ({ state: "running" }));
    const job = await registry.open("a", { idle: 100_000 });
    const client = connect("a", { cursor: `${job.epoch}.0` });
    await job.fail(new Error("crash"));
    await clock.advance(60_000);
    expect([registry.get("a")?.status, client.state]).toEqual(["interrupted", "open"]);
    await clock.advance(3_600_000);
    expect(registry.get("a")?.status).not.toBe("interrupted");
  });
});

test("an interrupted stream is cancelled at once, and its producer may not come back into it", async () => {
  const { registry, clock, connect } = retried();
  const job = await registry.open("a");
  const client = connect("a");
  await job.fail(new Error("crash"));
  await clock.flush();
  expect(await registry.cancel("a", "user", { grace: 10_000 })).toBe(true);
  await clock.flush();
  expect(client.blocks.at(-1)?.[2]).toEqual({ status: "cancelled" });
});

test("interrupted streams without readers give way after lingering ones, when there is no room", async () => {
  const { registry, connect } = retried({ maxStreams: 3 });
  await (await registry.open("read")).fail(new Error("crash"));
  connect("read");
  await (await registry.open("unread")).fail(new Error("crash"));
  await (await registry.open("lingering")).end();
  await registry.open("x");
  expect([registry.get("lingering"), registry.get("unread")?.status]).toEqual([undefined, "interrupted"]);
  await registry.open("y");
  expect([registry.get("unread"), registry.get("read")?.status]).toEqual([undefined, "interrupted"]);
  await expect(registry.open("z")).rejects.toEqual(code("LIMIT_EXCEEDED"));
});

test("`flush` resolves at once without a store, and `last` is the number of the last event", async () => {
  const { registry } = createTestRegistry();
  const job = await registry.open("a");
  job.push({ data: 1 });
  await job.flush();
  expect(job.last).toBe(1);
});
