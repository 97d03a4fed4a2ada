import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LatestLog, type LatestLogOptions } from "../../src/log/latest-log.ts";

const HOUR = 3_600_000;

interface Value {
  readonly key: string;
  /** `undefined`: the key was deleted. */
  readonly value?: number;
}

function createLog(options: Partial<LatestLogOptions> = {}) {
  const deleted: string[] = [];
  const clock = { now: 0 };
  const log = new LatestLog("e", {
    events: 1_000,
    bytes: 1_000_000,
    maxEventBytes: 100_000,
    now: () => clock.now,
    onDropped: (keys) => void deleted.push(...keys),
    ...options,
  });
  const set = (key: string, value: number): string =>
    log.append({ data: JSON.stringify({ key, value }) }, key);
  const remove = (key: string): void => log.delete(key, { data: JSON.stringify({ key }) });
  return { log, clock, deleted, set, remove };
}

/** Follows the rules that readers have. */
class Reader {
  readonly values = new Map<string, number>();
  resets = 0;
  readonly #log: LatestLog;
  #next: number;
  #floor: number;
  #replayTo: number;

  constructor(log: LatestLog, position?: number) {
    this.#log = log;
    this.#next = position === undefined ? log.first : position + 1;
    this.#floor = position === undefined ? log.forgotten : 0;
    this.#replayTo = log.last;
  }

  get position(): number {
    return this.#next - 1;
  }

  /** Reads one run. Returns whether there may be more. */
  readonly step = (): boolean => {
    const log = this.#log;
    if (this.#next <= log.forgotten && this.#floor < log.forgotten) {
      this.values.clear();
      this.resets++;
      this.#next = log.first;
      this.#floor = log.forgotten;
      this.#replayTo = log.last;
      return true;
    }
    if (this.#next > log.last) return false;
    const isLive = this.#next > this.#replayTo;
    const to = isLive ? log.last : this.#replayTo;
    const run = log.read(this.#next, to, isLive);
    const frames = new TextDecoder()
      .decode(run.bytes)
      .split("\n\n")
      .filter((frame) => frame.includes("data:"));
    expect(frames).toHaveLength(run.events ?? 0);
    for (const frame of frames) {
      const { key, value } = JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] as string) as Value;
      if (value === undefined) this.values.delete(key);
      else if (key !== "") this.values.set(key, value);
    }
    expect(run.last).toBeGreaterThanOrEqual(this.#next);
    this.#next = run.last + 1;
    return true;
  };

  catchUp(): this {
    while (this.step());
    return this;
  }
}

describe("a log of latest values", () => {
  test("has the newest value of each key, in the order of the last changes", () => {
    const { log, set } = createLog();
    for (const [key, value] of [
      ["a", 1],
      ["b", 2],
      ["a", 3],
    ] as const)
      set(key, value);
    expect(Object.fromEntries(new Reader(log).catchUp().values)).toEqual({ b: 2, a: 3 });
    expect([log.first, log.last]).toEqual([1, 3]);
    const run = log.read(1, 3, false);
    expect(run.events).toBe(2);
    expect(log.read(1, 3, false)).toBe(run);
  });

  test("a deletion is an event, and is kept for an hour for clients that were away", () => {
    const { log, clock, set, remove } = createLog();
    set("a", 1);
    const away = new Reader(log).catchUp();
    remove("a");
    remove("a");
    expect(log.last).toBe(2);
    const late = new Reader(log, away.position);
    clock.now = HOUR - 1;
    set("b", 1);
    expect(late.catchUp().resets).toBe(0);
    clock.now = HOUR;
    set("b", 2);
    const tooLate = new Reader(log, away.position).catchUp();
    expect([tooLate.resets, Object.fromEntries(tooLate.values)]).toEqual([1, { b: 2 }]);
    expect(new Reader(log, late.position).catchUp().resets).toBe(0);
  });

  test("without an event for a deletion, readers start over", () => {
    const { log, set } = createLog();
    set("a", 1);
    set("b", 1);
    const reader = new Reader(log).catchUp();
    log.delete("a", undefined);
    expect(reader.catchUp().resets).toBe(1);
    expect(Object.fromEntries(reader.values)).toEqual({ b: 1 });
    log.delete("a", undefined);
    expect(reader.catchUp().resets).toBe(1);
  });

  test("an event without a key is passed on once, and not held", () => {
    const { log } = createLog();
    const [live, slow] = [new Reader(log), new Reader(log)];
    log.append({ data: '{"key":"","value":1}' }, undefined);
    const events = (): number | undefined => log.read(1, log.last, true).events;
    expect(new Reader(log).step()).toBe(true);
    expect(log.read(1, log.last, false).events).toBe(0);
    log.dropPassed();
    expect(events()).toBe(1);
    live.catchUp();
    log.dropPassed();
    expect(events()).toBe(0);
    expect(log.bytes).toBe(0);
    slow.catchUp();
    expect(slow.position).toBe(1);
  });

  test("when there is no room, the stalest keys are deleted aloud", () => {
    const { log, deleted, set } = createLog({ events: 8 });
    for (let key = 0; key < 8; key++) set(`${key}`, 1);
    set("0", 2);
    const reader = new Reader(log).catchUp();
    expect(deleted).toEqual([]);
    set("8", 1);
    expect(deleted).toEqual(["1", "2"]);
    reader.catchUp();
    expect(reader.resets).toBe(1);
    expect([...reader.values.keys()]).toEqual(["3", "4", "5", "6", "7", "0", "8"]);
  });

  test("refuses an event that is too large, and is as before", () => {
    const { log, set } = createLog({ maxEventBytes: 100 });
    set("a", 1);
    expect(() => log.append({ data: "x".repeat(100) }, "a")).toThrow(
      expect.objectContaining({ code: "EVENT_TOO_LARGE" }),
    );
    expect(Object.fromEntries(new Reader(log).catchUp().values)).toEqual({ a: 1 });
  });

  test("a run has 64 KiB, or one frame", () => {
    const { log, set } = createLog();
    for (const key of ["a", "b", "c"])
      log.append({ data: JSON.stringify({ key, value: 1, pad: "x".repeat(30_000) }) }, key);
    expect(log.read(1, 3, true)).toMatchObject({ last: 2, events: 2 });
    log.append({ data: JSON.stringify({ key: "d", value: 1, pad: "x".repeat(90_000) }) }, "d");
    expect(log.read(4, 4, true)).toMatchObject({ last: 4, events: 1 });
    set("e", 1);
  });
});

const key = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h");
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("set" as const), key, size: fc.nat(300) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), key, isSilent: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wake" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("join" as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("read" as const), reader: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("resume" as const), reader: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, HOUR / 2, HOUR) }),
  },
);

test("whatever happens, a reader that has caught up has exactly the current value of every key", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80, size: "max" }),
      fc.constantFrom(3, 5, 1_000),
      fc.constantFrom(2_000, 1_000_000),
      (steps, events, bytes) => {
        const current = new Map<string, number>();
        const { log, clock } = createLog({
          events,
          bytes,
          onDropped: (keys) => {
            for (const each of keys) expect(current.delete(each)).toBe(true);
          },
        });
        const readers: Reader[] = [];
        let value = 0;
        for (const each of steps) {
          if (each.do === "set") {
            current.set(each.key, ++value);
            const data = { key: each.key, value, pad: "x".repeat(each.size) };
            log.append({ data: JSON.stringify(data) }, each.key);
          } else if (each.do === "remove") {
            current.delete(each.key);
            log.delete(each.key, each.isSilent ? undefined : { data: JSON.stringify({ key: each.key }) });
          } else if (each.do === "pass") log.append({ data: '{"key":"","value":0}' }, undefined);
          else if (each.do === "wake") log.dropPassed();
          else if (each.do === "join") readers.push(new Reader(log));
          else if (each.do === "wait") clock.now += each.ms;
          else {
            const index = each.reader % Math.max(readers.length, 1);
            const reader = readers[index];
            if (reader === undefined) continue;
            if (each.do === "read") reader.step();
            else {
              const resumed = new Reader(log, reader.position);
              for (const [name, held] of reader.values) resumed.values.set(name, held);
              readers[index] = resumed;
            }
          }
          expect(log.bytes).toBeLessThanOrEqual(bytes);
        }
        for (const reader of readers) expect(reader.catchUp().values).toEqual(current);
        expect(new Reader(log).catchUp().resets).toBe(0);
      },
    ),
    { numRuns: 500 },
  );
});
