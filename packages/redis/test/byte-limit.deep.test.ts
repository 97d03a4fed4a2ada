import type { Store } from "@holdfast/core";
import { expect, test } from "vitest";
import { describeOnRedis } from "./support/on-redis.ts";
import { append, EVERYTHING, STREAM } from "./support/stream.ts";

const KEEP_BYTES = 100_000;
const LIMITED = { ...STREAM, keep: 1_000_000, keepBytes: KEEP_BYTES };
const META = "hf:{job}:m";
const FRAMES = "hf:{job}:s";

/** Appends frames of `size` bytes, one for each append, and returns the number of the last. */
async function fill(store: Store, from: number, count: number, size: number): Promise<number> {
  for (let seq = from; seq < from + count; seq++) {
    expect(await append(store, "job", seq, ["x".repeat(size)])).toMatchObject({ code: "ok", last: seq });
  }
  return from + count - 1;
}

async function firstOf(store: Store): Promise<number> {
  const page = await store.read("job", null, EVERYTHING);
  return page.code === "ok" ? page.meta.first : 0;
}

describeOnRedis("the limit of bytes", ({ open }) => {
  test.each([
    [100, 12_000],
    [5_000, 250],
    [60_000, 20],
  ])("frames of %i bytes: the memory in Redis is limited", async (size, count) => {
    const { store, command } = await open();
    await store.delete("job");
    await store.open("job", LIMITED);
    const batch = Math.max(1, Math.floor(5_000 / size));
    for (let seq = 1; seq <= count; seq += batch) {
      const frames = Array.from({ length: batch }, () => "x".repeat(size));
      await append(store, "job", seq, frames);
      const entries = Number(await command("XLEN", FRAMES));
      // An eighth, two frames, and one node of the Redis stream.
      expect(entries * size).toBeLessThanOrEqual(1.125 * KEEP_BYTES + 2 * size + Math.max(4_096, size));
    }
    expect(Number(await command("XLEN", FRAMES)) * size).toBeGreaterThanOrEqual(KEEP_BYTES);
    const usage = Number(await command("MEMORY", "USAGE", FRAMES, "SAMPLES", "0"));
    expect(usage).toBeLessThan(2 * KEEP_BYTES + 3 * size);
  });

  test("what an earlier version has stored goes when the new frames are enough", async () => {
    const { store, command } = await open();
    await store.delete("job");
    await store.open("job", { ...STREAM, keep: 1_000_000 });
    const old = await fill(store, 1, 300, 1_000);
    expect(await command("HEXISTS", META, "bytes")).toBe(0);

    await store.open("job", { ...LIMITED, epoch: "bbbbbbbbbb", ifExists: "append" });
    for (let seq = old + 1; seq <= old + 99; seq++) {
      await append(store, "job", seq, ["x".repeat(1_000)], { epoch: "bbbbbbbbbb", fence: 2 });
    }
    expect(await firstOf(store)).toBe(1);
    for (let seq = old + 100; seq <= old + 120; seq++) {
      await append(store, "job", seq, ["x".repeat(1_000)], { epoch: "bbbbbbbbbb", fence: 2 });
    }
    expect(await firstOf(store)).toBeGreaterThan(old);
  });

  test("what processes of an earlier version append meanwhile goes with the frames around it", async () => {
    const { store, command } = await open();
    await store.delete("job");
    await store.open("job", { ...LIMITED, kind: "channel" });
    for (let seq = 1; seq <= 360; seq++) {
      if (seq % 2) await append(store, "job", undefined, ["x".repeat(1_000)], { fence: 0 });
      else {
        await command("XADD", FRAMES, "MAXLEN", "~", "1000000", `${seq}-0`, "f", "x".repeat(1_000));
        await command("HSET", META, "last", String(seq));
      }
      const kept = seq + 1 - (await firstOf(store));
      expect(kept).toBeGreaterThanOrEqual(Math.min(seq, 100));
      expect(kept).toBeLessThanOrEqual(2 * 118);
    }
  });

  test("another life that an earlier version has begun does not inherit the count", async () => {
    const { store, command } = await open();
    await store.delete("job");
    await store.open("job", LIMITED);
    await fill(store, 1, 150, 1_000);
    // That version replaces the stream, and leaves what it does not know.
    await command("HSET", META, "epoch", "bbbbbbbbbb", "last", "0", "fence", "2");
    await command("DEL", FRAMES);

    await store.open("job", { ...LIMITED, epoch: "cccccccccc", ifExists: "append" });
    for (let seq = 1; seq <= 99; seq++) {
      await append(store, "job", seq, ["x".repeat(1_000)], { epoch: "cccccccccc", fence: 3 });
      expect(await firstOf(store)).toBe(1);
    }
  });

  test("an append removes about 10,000 entries at most, and the next ones go on", async () => {
    const { store, command } = await open();
    await store.delete("job");
    await store.open("job", { ...STREAM, keep: 100_000 });
    const frames = Array.from({ length: 1_000 }, () => "x");
    for (let seq = 1; seq <= 29_001; seq += 1_000) await append(store, "job", seq, frames);

    await store.open("job", {
      ...STREAM,
      keep: 100_000,
      epoch: "bbbbbbbbbb",
      ifExists: "append",
      keepBytes: 1,
    });
    const lengths: number[] = [];
    for (let seq = 30_001; seq <= 30_005; seq++) {
      await append(store, "job", seq, ["x"], { epoch: "bbbbbbbbbb", fence: 2 });
      lengths.push(Number(await command("XLEN", FRAMES)));
    }
    expect(lengths[0]).toBe(30_001);
    expect(lengths[1]).toBe(20_002);
    expect(lengths[2]).toBe(10_003);
    expect(lengths.at(-1)).toBeLessThan(200);
  });
});
