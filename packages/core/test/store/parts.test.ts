import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeEvent, withId } from "../../src/protocol/encode.ts";
import { Log } from "../../src/log/log.ts";
import { StoreWatcher } from "../../src/store/store-watcher.ts";
import { createRingBuffer } from "../../src/log/ring-buffer.ts";
import { TimerScope } from "../../src/base/timer-scope.ts";
import { createFakeClock, createMemoryStore } from "../../src/testing/index.ts";
import { anyLine, anyText } from "../support/text.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("a frame is given its id where the encoder would have written it", () => {
  const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.option(value, { nil: undefined });
  const anyEvent = fc.record({
    comment: optional(anyText),
    event: optional(anyLine.filter((name) => !name.startsWith("stream."))),
    retry: optional(fc.nat()),
    data: optional(anyText),
  });
  fc.assert(
    fc.property(anyEvent, (fields) => {
      const event = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
      expect(text(withId(encodeEvent(event), "abc.1"))).toBe(text(encodeEvent({ ...event, id: "abc.1" })));
    }),
  );
});

test("a ring buffer skips to a number as if everything before it was forgotten", () => {
  const ring = createRingBuffer<string>({ count: 3, bytes: 100, sizeOf: () => 1 });
  ring.push("one");
  ring.push("two");
  ring.skip(40);
  expect([ring.first, ring.last, ring.bytes, ring.get(2), ring.get(40)]).toEqual([
    41,
    40,
    0,
    undefined,
    undefined,
  ]);
  for (const item of ["a", "b", "c", "d"]) ring.push(item);
  expect([ring.first, ring.last, ring.get(42), ring.get(44)]).toEqual([42, 44, "b", "d"]);
});

describe("a log of frames that were encoded elsewhere", () => {
  const frameOf = (seed: number): Uint8Array => {
    const size = seed % 11 === 0 ? 9_000 + seed : (seed * 37) % 400;
    return encodeEvent({ data: `${seed} ${"x".repeat(size)}` });
  };

  test("gives them as the log that encoded them does", () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ skip: fc.constant(0), seed: fc.nat(10_000) }) },
      { weight: 1, arbitrary: fc.record({ skip: fc.integer({ min: 1, max: 50 }), seed: fc.nat(10_000) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const log = new Log("aaaaaaaaaa", { events: 20, bytes: 60_000, maxEventBytes: 20_000 });
        const frames = new Map<number, string>();
        for (const { skip, seed } of steps) {
          if (skip > 0) log.skip(log.last + skip);
          log.appendFrame(frameOf(seed));
          frames.set(log.last, text(frameOf(seed)));
          expect(log.bytes).toBeLessThanOrEqual(60_000);
          for (let number = log.first; number <= log.last; number++)
            expect(text(log.frame(number))).toBe(frames.get(number));
        }
        if (log.last < log.first) return;
        let read = "";
        for (let next = log.first; next <= log.last;) {
          const run = log.read(next, log.last);
          read += text(run.bytes);
          next = run.last + 1;
        }
        const held = Array.from({ length: log.last - log.first + 1 }, (_, index) =>
          frames.get(log.first + index),
        );
        expect(read).toBe(held.join(""));
      }),
      { numRuns: 50 },
    );
  });

  test("passes over one that it cannot hold", () => {
    const log = new Log("aaaaaaaaaa", { events: 20, bytes: 1_000, maxEventBytes: 250 });
    log.appendFrame(frameOf(1));
    log.appendFrame(encodeEvent({ data: "x".repeat(1_000) }));
    expect([log.first, log.last, log.bytes]).toEqual([3, 2, 0]);
  });

  test("has room as long as the largest frame would leave the given one where it is", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(220), { minLength: 1, maxLength: 40 }), fc.nat(40), (sizes, back) => {
        const log = new Log("aaaaaaaaaa", { events: 12, bytes: 2_000, maxEventBytes: 250 });
        for (const size of sizes) log.append({ data: "x".repeat(size) });
        const from = Math.max(log.first, log.last - back);
        const hadRoom = log.hasRoom(from);
        log.appendFrame(new Uint8Array(250));
        expect(log.first <= from).toBe(hadRoom);
      }),
    );
  });
});

test("a clock that is stopped has no timer and sets none", async () => {
  const clock = createFakeClock();
  const stoppable = new TimerScope(clock);
  const fired: string[] = [];
  stoppable.after(1, () => fired.push("one"));
  stoppable.after(5, () => fired.push("two"));
  stoppable.after(5, () => fired.push("three"))();
  await clock.advance(1);
  stoppable.soon(() => fired.push("soon"));
  stoppable.stop();
  stoppable.after(1, () => fired.push("four"));
  expect(clock.timers).toBe(0);
  await clock.advance(10);
  expect(fired).toEqual(["one"]);
});

test("a watcher has one ear for all, which listens for what somebody wants to hear of", async () => {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  const heard: string[] = [];
  const watcher = new StoreWatcher(store);
  const open = (id: string): Promise<unknown> =>
    store.open(id, { kind: "stream", epoch: "aaaaaaaaaa", leaseMs: 9, ttlMs: 9, keep: 9 });
  const unwatch = watcher.watch("a", (hint) => heard.push(`a ${hint}`));
  watcher.watch("a", (hint) => heard.push(`also a ${hint}`));
  watcher.watch("b", (hint) => heard.push(`b ${hint}`));
  await open("a");
  await open("c");
  await clock.flush();
  expect(heard.splice(0)).toEqual(["a changed", "also a changed"]);
  unwatch();
  unwatch();
  await store.cancel("a", "user");
  store.rouse();
  await clock.flush();
  expect(heard.splice(0)).toEqual(["also a cancel", "also a anything", "b anything"]);
  watcher.close();
  store.rouse();
  await clock.flush();
  expect(heard).toEqual([]);
});
