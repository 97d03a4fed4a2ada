import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeEvent } from "../../src/protocol/encode.ts";
import type { SseEvent } from "../../src/protocol/event.ts";
import { makeId } from "../../src/protocol/event-id.ts";
import { Log, type LogLimits } from "../../src/log/log.ts";
import type { Run } from "../../src/log/slab.ts";
import { collectGarbage } from "../support/garbage.ts";
import { parse } from "../support/parse.ts";

const EPOCH = "aaaaaaaaaa";

const anyLimits: fc.Arbitrary<LogLimits> = fc.record({
  events: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(1_000)),
  bytes: fc.oneof(
    fc.integer({ min: 1, max: 5_000 }),
    fc.integer({ min: 5_000, max: 50_000 }),
    fc.integer({ min: 50_000, max: 500_000 }),
  ),
  maxEventBytes: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.constant(300_000)),
});

/** Text of about this many bytes on the wire, of characters that take one to four bytes, or of empty lines. */
function textOf(character: string, bytes: number): string {
  const size = character === "\n" ? "data: \n".length : Buffer.byteLength(character);
  return character.repeat(bytes / size);
}

/** Events of a few bytes up to more than a slab. The large ones are rare, because they take most of the time. */
const anyEvent: fc.Arbitrary<SseEvent> = fc
  .tuple(
    fc.constantFrom("x", "é", "日", "😀", "\n"),
    fc.oneof(
      { weight: 12, arbitrary: fc.nat({ max: 200 }) },
      { weight: 6, arbitrary: fc.nat({ max: 2_000 }) },
      { weight: 4, arbitrary: fc.integer({ min: 8_000, max: 9_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 70_000 }) },
    ),
  )
  .map(([character, bytes]) => ({ data: textOf(character, bytes) }));

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Whether `bytes` are exactly these frames, one after the other. */
function isJoined(bytes: Uint8Array, frames: readonly Uint8Array[]): boolean {
  let offset = 0;
  for (const frame of frames) {
    if (!equal(bytes.subarray(offset, offset + frame.length), frame)) return false;
    offset += frame.length;
  }
  return offset === bytes.length;
}

/** The runs that a reader gets from frame `from` to frame `to`. */
function readAll(log: Log, from: number, to: number): Run[] {
  const runs: Run[] = [];
  for (let next = from; next <= to; next = (runs.at(-1) as Run).last + 1) {
    const run = log.read(next, to);
    expect(run.last).toBeGreaterThanOrEqual(next);
    expect(run.last).toBeLessThanOrEqual(to);
    runs.push(run);
  }
  return runs;
}

/** The memory behind all frames of a log, in bytes. */
function memoryOf(log: Log): number {
  const buffers = new Set<ArrayBufferLike>();
  for (let number = log.first; number <= log.last; number++)
    buffers.add(log.read(number, number).bytes.buffer);
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

test("the log has the newest frames that fit its bounds, and any reader gets them whole and in order", () => {
  fc.assert(
    fc.property(
      anyLimits,
      fc.array(fc.tuple(anyEvent, fc.nat(), fc.nat()), { maxLength: 60, size: "max" }),
      (limits, steps) => {
        const log = new Log(EPOCH, limits);
        const frames: Uint8Array[] = [];
        const most = Math.min(limits.maxEventBytes, limits.bytes / 4);
        /** Every run that was read, with the frames that it must have. */
        const runs: { readonly bytes: Uint8Array; readonly expected: readonly Uint8Array[] }[] = [];
        const state = (): unknown => ({ first: log.first, last: log.last, bytes: log.bytes });
        let first = 1;
        let overhead: number | undefined;
        let held = 0;

        for (const [event, anyFrom, anyTo] of steps) {
          const id = makeId(EPOCH, frames.length + 1);
          const frame = encodeEvent({ ...event, id });
          if (frame.length > most) {
            const before = state();
            expect(() => log.append(event)).toThrow(expect.objectContaining({ code: "EVENT_TOO_LARGE" }));
            expect(state()).toEqual(before);
          } else {
            expect(log.append(event)).toBe(id);
            overhead ??= log.bytes - frame.length;
            held += frame.length + overhead;
            frames.push(frame);
            while (frames.length - first + 1 > limits.events || held > limits.bytes) {
              held -= (frames[first++ - 1] as Uint8Array).length + overhead;
            }
          }

          expect(state()).toEqual({ first, last: frames.length, bytes: held });

          if (log.last < log.first) continue;
          const from = log.first + (anyFrom % (log.last - log.first + 1));
          const to = from + (anyTo % (log.last - from + 1));
          let next = from;
          for (const { bytes, last } of readAll(log, from, to)) {
            const expected = frames.slice(next - 1, last);
            expect(isJoined(bytes, expected)).toBe(true);
            runs.push({ bytes, expected });
            next = last + 1;
          }
          expect(log.read(from, to)).toBe(log.read(from, to));
        }

        // A sink may keep the memory of a run until it is flushed.
        expect(runs.every(({ bytes, expected }) => isJoined(bytes, expected))).toBe(true);
        // Each frame counts for a little more than its bytes, which covers the unused memory.
        expect(overhead ?? 0).toBeLessThanOrEqual(128);
        expect(memoryOf(log)).toBeLessThanOrEqual(2 * limits.bytes + 2_048);
      },
    ),
    { numRuns: 150 },
  );
});

test("an empty log begins before its first event", () => {
  const log = new Log(EPOCH, { events: 10, bytes: 1_000, maxEventBytes: 1_000 });
  expect([log.epoch, log.first, log.last, log.bytes]).toEqual([EPOCH, 1, 0, 0]);
});

test.each<[string, number, LogLimits]>([
  ["its own bound", 100, { events: 10, bytes: 10_000, maxEventBytes: 100 }],
  ["a quarter of the buffer", 100, { events: 10, bytes: 403, maxEventBytes: 10_000 }],
])(
  "an event may take up to %s, counted in bytes of UTF-8 on the wire, and not one more",
  (_, most, limits) => {
    const log = new Log(EPOCH, limits);
    const around = encodeEvent({ id: makeId(EPOCH, 1), data: "" }).length;
    const fits = `x${"é".repeat((most - around - 1) / 2)}`;
    expect(() => log.append({ data: `${fits}x` })).toThrow(
      expect.objectContaining({
        code: "EVENT_TOO_LARGE",
        message: `An event takes at most ${most} bytes on the wire, this one has 101 or more.`,
      }),
    );
    expect(log.append({ data: fits })).toBe(makeId(EPOCH, 1));
  },
);

test("an event that cannot be encoded, or is too large, leaves the log as it was", () => {
  const log = new Log(EPOCH, { events: 10, bytes: 100_000, maxEventBytes: 500 });
  log.append({ data: "one" });
  const { bytes: before } = log.read(1, 1);
  const copy = before.slice();
  const size = log.bytes;
  for (const event of [{ event: "a\nb" }, { event: "stream.end" }, { data: 1n }, { data: "é".repeat(300) }]) {
    expect(() => log.append(event)).toThrow(expect.objectContaining({ name: "HoldfastError" }));
  }
  expect([log.first, log.last, log.bytes]).toEqual([1, 1, size]);
  log.append({ data: "two" });
  expect(parse(log.read(1, 2).bytes).events.map(({ data }) => data)).toEqual(["one", "two"]);
  expect(before).toEqual(copy);
});

test("readers that stand at the same place are given the same memory, also when others read elsewhere", () => {
  const log = new Log(EPOCH, { events: 100, bytes: 100_000, maxEventBytes: 500 });
  for (let count = 0; count < 10; count++) log.append({ data: count });
  const run = log.read(3, 10);
  expect(log.read(3, 10)).toBe(run);
  log.read(5, 10);
  expect(log.read(3, 10).bytes.buffer).toBe(run.bytes.buffer);
  log.append({ data: "more" });
  expect(log.read(3, 11).last).toBe(11);
  expect(log.read(3, 10).last).toBe(10);
});

test("a long replay takes few writes, each of at most 64 KiB", () => {
  const log = new Log(EPOCH, { events: 20_000, bytes: 10_000_000, maxEventBytes: 500 });
  for (let count = 0; count < 10_000; count++) log.append({ event: "token", data: "x".repeat(100) });
  const runs = readAll(log, 1, 10_000);
  const bytes = runs.reduce((sum, run) => sum + run.bytes.length, 0);
  expect(runs.length).toBeLessThanOrEqual(bytes / 65_536 + 10);
  for (const run of runs) expect(run.bytes.length).toBeLessThanOrEqual(65_536);
});

test.each([100, 5_000, 8_100, 9_000, 22_000, 33_000, 66_000])(
  "events of %d bytes between small ones cost the memory of their bytes, not a slab each",
  (size) => {
    const bytes = 1_048_576;
    const log = new Log(EPOCH, { events: 16_384, bytes, maxEventBytes: 262_144 });
    for (let total = 0; total < 3 * bytes; total += size) {
      log.append({ data: "x".repeat(size) });
      log.append({ data: "progress" });
    }
    expect(memoryOf(log)).toBeLessThanOrEqual(1.3 * bytes);
  },
);

test.each([50, 1_500, 5_000, 20_000])(
  "a log that is kept small from outside takes little memory, with events of up to %d bytes",
  (largest) => {
    const held = 65_536;
    const log = new Log(EPOCH, { events: 65_536, bytes: 8_388_608, maxEventBytes: 1_048_576 });
    for (let count = 0; count < 10_000; count++) {
      log.append({ data: "x".repeat((count * 7_919) % largest) });
      log.trim(log.bytes - held, log.last - 1);
    }
    expect(memoryOf(log)).toBeLessThanOrEqual(1.4 * held);
  },
);

test("a small log takes little memory, however much has gone through it", () => {
  const log = new Log(EPOCH, { events: 100, bytes: 4_096, maxEventBytes: 1_024 });
  for (let count = 0; count < 10_000; count++) log.append({ data: "x".repeat(100) });
  expect(memoryOf(log)).toBeLessThanOrEqual(2 * 4_096);
});

test("the memory of what was forgotten is given back", async () => {
  const log = new Log(EPOCH, { events: 100, bytes: 400_000, maxEventBytes: 100_000 });
  const append = (): WeakRef<ArrayBufferLike> => {
    log.append({ data: "x".repeat(50_000) });
    return new WeakRef(log.read(log.last, log.last).bytes.buffer);
  };
  const references = Array.from({ length: 20 }, append);
  await collectGarbage();
  const kept = references.filter((reference) => reference.deref() !== undefined);
  expect(kept).toHaveLength(log.last - log.first + 1);
});

describe("a log of frames that were encoded in another process", () => {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const frameOf = (seed: number): Uint8Array => {
    const size = seed % 11 === 0 ? 9_000 + seed : (seed * 37) % 400;
    return encodeEvent({ data: `${seed} ${"x".repeat(size)}` });
  };

  test("returns the frames unchanged", () => {
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

  test("skips a frame that is larger than its limit", () => {
    const log = new Log("aaaaaaaaaa", { events: 20, bytes: 1_000, maxEventBytes: 250 });
    log.appendFrame(frameOf(1));
    log.appendFrame(encodeEvent({ data: "x".repeat(1_000) }));
    expect([log.first, log.last, log.bytes]).toEqual([3, 2, 0]);
  });

  test("has room as long as the largest frame would not drop the given one", () => {
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
