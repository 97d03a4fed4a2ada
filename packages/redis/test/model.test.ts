import type { StoredEnd, StoreOpen } from "@holdfast/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { redisStore } from "../src/index.ts";
import { EXPIRED, Model } from "./support/model.ts";
import { describeOnRedis } from "./support/on-redis.ts";

const RUNS = Number(process.env.HOLDFAST_RUNS ?? 75);
const LONG = 600_000;
const ID = "{job}";
const KEEP_BYTES = 60;

const epochs = fc.constantFrom("aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc");
const leases = fc.constantFrom(LONG, LONG, EXPIRED);
const windows = fc.constantFrom(0, 0, LONG);
const fences = fc.integer({ min: 0, max: 4 });
const numbers = fc.integer({ min: 0, max: 12 });
const ends = fc.constantFrom<StoredEnd[]>(
  { status: "done" },
  { status: "failed", error: { code: "X", message: "why", retryable: true, retryAfter: 5 } },
);
/** A value once in `times` draws, otherwise `undefined`. */
const rarely = <T>(values: fc.Arbitrary<T>, times: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: times - 1 }, { arbitrary: values, weight: 1 });

const opens = fc.record({
  kind: fc.constantFrom("stream", "stream", "stream", "stream", "channel"),
  epoch: epochs,
  leaseMs: leases,
  ifExists: fc.constantFrom("throw", "replace", "append", "append"),
  /** Relative to the fence of the stream that the model has. */
  lapsed: rarely(fc.constantFrom(0, 0, 1), 3),
  retryWindowMs: windows,
  keepBytes: fc.constantFrom(undefined, KEEP_BYTES, KEEP_BYTES),
  /** Relative to the stream that the model has. */
  restore: rarely(
    fc.record({
      sameEpoch: fc.constantFrom(true, true, true, false),
      fence: fc.constantFrom(0, 0, 0, 1, -1),
      last: fc.integer({ min: -2, max: 2 }),
    }),
    3,
  ),
});

/** Mostly what a producer would do that knows the present state of the stream. */
const appends = fc.record({
  as: fc.constantFrom("producer", "producer", "producer", "stranger"),
  epoch: epochs,
  fence: fences,
  offset: fc.constantFrom(0, 0, 0, -1, -3, 1),
  count: fc.integer({ min: 0, max: 4 }),
  leaseMs: leases,
  end: rarely(ends, 6),
  interrupt: rarely(
    fc.oneof(
      fc.record({ retryWindowMs: windows }),
      fc.record({
        retryWindowMs: windows,
        error: fc.constant({ code: "X", message: "why", retryable: true }),
      }),
    ),
    6,
  ),
  batch: fc.record({ producer: fc.constantFrom("p", "q"), number: fc.integer({ min: 1, max: 6 }) }),
});

const step = fc.oneof(
  fc.record({ do: fc.constant("open" as const), with: opens }),
  { arbitrary: fc.record({ do: fc.constant("append" as const), with: appends }), weight: 4 },
  {
    arbitrary: fc.record({
      do: fc.constant("read" as const),
      with: fc.record({
        after: fc.option(fc.record({ epoch: epochs, seq: numbers }), { freq: 3 }),
        sameEpoch: fc.boolean(),
        limit: fc.constantFrom(1, 3, 1_000),
      }),
    }),
    weight: 2,
  },
  fc.record({
    do: fc.constant("cancel" as const),
    with: fc.record({ reason: fc.constantFrom("", "user", "admin"), graceMs: fc.constantFrom(0, 5) }),
  }),
  fc.record({ do: fc.constant("lost" as const), with: fc.constantFrom(0, 0, 0, 1, -1) }),
  fc.record({ do: fc.constantFrom("delete" as const, "evict" as const, "flushScripts" as const) }),
);

/** Frames as text, and `leaseLeftMs` as 0 for an expired lease and 1 for any other. */
function plain(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (key, value: unknown) => {
    if (key === "leaseLeftMs") return value === null || (value as number) > 0 ? 1 : 0;
    if ((value as { type?: string } | null)?.type === "Buffer") {
      return Buffer.from((value as { data: number[] }).data).toString();
    }
    return value;
  });
}

describeOnRedis("after any sequence of calls", ({ open }) => {
  test("the store answers as the model does", async () => {
    let runs = 0;
    const { client, command } = await open();
    // Otherwise Redis trims a hundred entries at a time.
    await command("CONFIG", "SET", "stream-node-max-entries", "1");
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60, size: "max" }), async (steps) => {
        const prefix = `model${++runs}:`;
        const store = redisStore({ client, prefix });
        const model = new Model();
        let frameCount = 0;

        for (const one of steps) {
          switch (one.do) {
            case "open": {
              const { restore, lapsed, kind, ifExists, epoch, keepBytes, ...rest } = one.with;
              const { log } = model;
              const options: StoreOpen = {
                ...rest,
                kind: kind as StoreOpen["kind"],
                ifExists: ifExists as NonNullable<StoreOpen["ifExists"]>,
                ...(lapsed !== undefined && { lapsedFence: (log?.fence ?? 1) + lapsed }),
                epoch: restore?.sameEpoch ? (log?.epoch ?? epoch) : epoch,
                ttlMs: LONG,
                keep: 1_000,
                ...(keepBytes !== undefined && { keepBytes }),
                ...(restore && {
                  restoreFence: kind === "channel" ? 0 : Math.max(0, (log?.fence ?? 1) + restore.fence),
                  restoreLast: Math.max(0, (log?.last ?? 3) + restore.last),
                }),
              };
              expect(plain(await store.open(ID, options))).toEqual(plain(model.open(options)));
              break;
            }
            case "append": {
              const { log } = model;
              const { as, offset, count, end, interrupt, batch, leaseMs } = one.with;
              const { epoch, fence } = as === "producer" && log !== undefined ? log : one.with;
              const frames = Array.from({ length: count }, () =>
                `frame ${++frameCount}`.padEnd((frameCount * 7) % 31),
              );
              const append = {
                epoch,
                fence,
                leaseMs,
                ttlMs: LONG,
                frames: frames.map((frame) => Buffer.from(frame)),
                ...(log?.kind === "channel"
                  ? { batch }
                  : { from: Math.max(1, (log?.last ?? 0) + 1 + offset) }),
                ...(end !== undefined && log?.kind !== "channel" && { end }),
                ...(interrupt !== undefined && end === undefined && log?.kind !== "channel" && { interrupt }),
              };
              expect(plain(await store.append(ID, append))).toEqual(plain(model.append(append, frames)));
              const page = await store.read(ID, null, { frames: 1, bytes: 1 });
              if (page.code === "ok") expect(model.trimTo(page.meta.first)).toBeUndefined();
              break;
            }
            case "read": {
              const { after, sameEpoch, limit } = one.with;
              const cursor = after && sameEpoch && model.log ? { ...after, epoch: model.log.epoch } : after;
              const page = await store.read(ID, cursor, { frames: limit, bytes: 1_000_000 });
              expect(plain(page)).toEqual(plain(model.read(cursor, limit)));
              break;
            }
            case "cancel":
              expect(await store.cancel(ID, one.with.reason, one.with.graceMs)).toBe(
                model.cancel(one.with.reason, one.with.graceMs),
              );
              break;
            case "lost": {
              const fence = (model.log?.fence ?? 1) + one.with;
              const end: StoredEnd = { status: "lost" };
              expect(await store.lost(ID, fence, end)).toBe(model.lost(fence, end));
              break;
            }
            case "delete":
              await store.delete(ID);
              model.log = undefined;
              break;
            case "evict":
              await command("DEL", `${prefix}{%7bjob%7d}:s`);
              model.evictFrames();
              break;
            case "flushScripts":
              await command("SCRIPT", "FLUSH");
              break;
          }
        }
        const page = await store.read(ID, null, { frames: 1_000, bytes: 1_000_000 });
        expect(plain(page)).toEqual(plain(model.read(null, 1_000)));
      }),
      { numRuns: RUNS },
    );
  });
});
