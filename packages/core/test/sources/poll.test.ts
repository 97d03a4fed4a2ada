import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { HoldfastError } from "../../src/base/errors.ts";
import { poll, type PollOptions, type PollResult } from "../../src/sources/poll.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/index.ts";
import { createTestRegistry } from "../support/test-registry.ts";

interface Polling {
  readonly clock: FakeClock;
  readonly abort: AbortController;
  /** The items that were yielded. */
  readonly out: unknown[];
  /** Resolves with "done" at the end, or with the error. */
  readonly over: Promise<unknown>;
}

type Read = PollOptions<unknown, number>["read"];

/** Polls until the end. */
function startPolling(read: Read, options: Partial<PollOptions<unknown, number>> = {}): Polling {
  const clock = createFakeClock();
  const abort = new AbortController();
  const out: unknown[] = [];
  const events = poll({ read, cursor: 0, clock, random: () => 0.999, signal: abort.signal, ...options });
  const drain = async (): Promise<unknown> => {
    // The test needs the result of `startPolling` before the first read.
    await Promise.resolve();
    try {
      for await (const event of events) out.push(event);
    } catch (error) {
      return error;
    }
    return "done";
  };
  return { clock, abort, out, over: drain() };
}

function expectNothingPending({ clock, abort }: Pick<Polling, "clock" | "abort">): void {
  expect(clock.timers).toBe(0);
  expect(getEventListeners(abort.signal, "abort")).toEqual([]);
}

const never = (): Promise<never> => new Promise(() => undefined);
const down = (): never => {
  throw new Error("down");
};

describe("poll", () => {
  test("reads after the cursor, every 500 ms, until `done`", async () => {
    const calls: unknown[] = [];
    const run = startPolling((cursor) => {
      calls.push([cursor, run.clock.now()]);
      return { events: [`${cursor}a`, `${cursor}b`], cursor: cursor + 2, done: cursor === 4 };
    });
    await run.clock.advance(5_000);
    expect(calls).toEqual([
      [0, 0],
      [2, 500],
      [4, 1_000],
    ]);
    expect(run.out).toEqual(["0a", "0b", "2a", "2b", "4a", "4b"]);
    expect(await run.over).toBe("done");
    expectNothingPending(run);
  });

  test("starts without a cursor if none is given, and waits for `interval`", async () => {
    const calls: unknown[] = [];
    const clock = createFakeClock();
    const events = poll<string, string | undefined>({
      clock,
      interval: 50,
      read: (cursor) => {
        calls.push([cursor, clock.now()]);
        return { events: ["x"], cursor: "next" };
      },
    });
    await events.next();
    const second = events.next();
    await clock.advance(50);
    await second;
    expect(calls).toEqual([
      [undefined, 0],
      ["next", 50],
    ]);
    await events.return?.();
  });

  test("reads only when the consumer wants the next event", async () => {
    let reads = 0;
    const clock = createFakeClock();
    const events = poll({
      clock,
      read: () => {
        reads++;
        return { events: [1, 2], cursor: undefined };
      },
    });
    await clock.advance(10_000);
    expect(reads).toBe(0);
    await events.next();
    await events.next();
    await clock.advance(10_000);
    expect(reads).toBe(1);
    await events.return?.();
  });

  test("has one read at a time, however many calls of `next` are pending", async () => {
    let reading = 0;
    const clock = createFakeClock();
    const events = poll({
      clock,
      cursor: 0,
      read: async (cursor) => {
        expect(++reading).toBe(1);
        await new Promise<void>((resolve) => clock.after(10, resolve));
        reading--;
        return { events: [cursor], cursor: cursor + 1, done: cursor === 2 };
      },
    });
    const all = Promise.all(Array.from({ length: 5 }, () => events.next()));
    await clock.advance(5_000);
    expect((await all).map(({ value }) => value)).toEqual([0, 1, 2, undefined, undefined]);
  });

  test("does not starve the event loop with an interval of 0", async () => {
    const { clock, abort, over } = startPolling(() => ({ events: [], cursor: 0 }), { interval: 0 });
    // This would never resolve if it looped in microtasks.
    await clock.flush();
    abort.abort();
    expect(await over).toBe("done");
  });

  test("fails with GONE when `read` returns null, at first or later", async () => {
    const results = [{ events: ["a"], cursor: 1 }, null];
    const run = startPolling(() => results.shift() as PollResult<string, number> | null);
    await run.clock.advance(500);
    expect(await run.over).toMatchObject({ code: "GONE", retryable: false });
    expect(run.out).toEqual(["a"]);
    expectNothingPending(run);
    expect(await startPolling(() => null).over).toMatchObject({ code: "GONE" });
  });

  test.each([undefined, {}, { events: "text" }, { events: { length: 1 } }])(
    "fails with INVALID_OPTION for a result of %j",
    async (result) => {
      const run = startPolling(() => result as never);
      await run.clock.flush();
      const error = (await run.over) as HoldfastError;
      expect(error).toMatchObject({ code: "INVALID_OPTION" });
      expect(error.message).toContain("`events` must be an array");
      expectNothingPending(run);
    },
  );

  test.each([
    ["read", { read: "select" }],
    ["interval", { interval: -1 }],
    ["wake", { wake: "now" }],
    ["base", { backoff: { base: -1 } }],
  ])("throws for an invalid `%s`", (_name, options) => {
    expect(() => poll({ read: () => null, ...(options as object) })).toThrow(HoldfastError);
  });
});

describe("with `wake`", () => {
  /** Polls a source that says when it has changed. */
  function startWithWake(read: Read, options: Partial<PollOptions<unknown, number>> = {}) {
    const source = { now: () => undefined as void, subscribed: 0, unsubscribed: 0 };
    const wake = (now: () => void) => {
      source.now = now;
      source.subscribed++;
      return () => void source.unsubscribed++;
    };
    return { run: startPolling(read, { wake, ...options }), source };
  }

  function recordReads(work?: () => unknown): { reads: number[]; read: Read; clock: FakeClock } {
    const clock = createFakeClock();
    const reads: number[] = [];
    const read: Read = async (cursor) => {
      reads.push(clock.now());
      await work?.();
      return { events: [], cursor };
    };
    return { reads, read, clock };
  }

  test("the next read starts at once, and the interval begins anew", async () => {
    const { reads, read, clock } = recordReads();
    const { run, source } = startWithWake(read, { clock });
    await clock.advance(100);
    source.now();
    source.now();
    await clock.flush();
    expect(reads).toEqual([0, 100]);
    await clock.advance(500);
    expect(reads).toEqual([0, 100, 600]);
    run.abort.abort();
    await run.over;
    expect(clock.timers).toBe(0);
  });

  test("is called once, at the first `next`, before the first read; it is unsubscribed once, at the end", async () => {
    let subscribedAtRead = -1;
    const { run, source } = startWithWake(() => {
      subscribedAtRead = source.subscribed;
      return { events: [], cursor: 0 };
    });
    expect(source.subscribed).toBe(0);
    await run.clock.advance(2_000);
    expect([subscribedAtRead, source.subscribed, source.unsubscribed]).toEqual([1, 1, 0]);
    run.abort.abort();
    expect(source.unsubscribed).toBe(1);
    await run.over;
    expect(source.unsubscribed).toBe(1);
    source.now();
    await run.clock.flush();
    expectNothingPending(run);
  });

  test("a call during a read is not lost: the next read follows without a pause", async () => {
    const { reads, read, clock } = recordReads(() => {
      if (reads.length === 1) source.now();
    });
    const { run, source } = startWithWake(read, { clock });
    await clock.flush();
    expect(reads).toEqual([0, 0]);
    await clock.advance(499);
    expect(reads).toHaveLength(2);
    run.abort.abort();
  });

  test("a call while the consumer handles the events is not lost either", async () => {
    const clock = createFakeClock();
    let now = (): void => undefined;
    const events = poll({
      clock,
      cursor: 0,
      wake: (wakeUp) => {
        now = wakeUp;
        return () => undefined;
      },
      read: (cursor) => ({ events: [cursor], cursor: cursor + 1 }),
    });
    await events.next();
    now();
    const second = events.next();
    await clock.flush();
    expect(await second).toEqual({ done: false, value: 1 });
    await events.return?.();
  });

  test("a source that wakes in every read does not starve the event loop", async () => {
    const { read } = recordReads(() => source.now());
    // The fake clock would run its turns without an end.
    const { run, source } = startWithWake(read, { clock: systemClock });
    // This would never resolve if it looped in microtasks.
    await new Promise((resolve) => setImmediate(resolve));
    run.abort.abort();
    expect(await run.over).toBe("done");
  });

  test("a failed read keeps its back-off: a source that is down is not asked more often", async () => {
    const reads: number[] = [];
    const { run, source } = startWithWake(() => {
      reads.push(run.clock.now());
      return down();
    });
    await run.clock.advance(100);
    source.now();
    await run.clock.advance(898);
    expect(reads).toEqual([0]);
    await run.clock.advance(1);
    expect(reads).toEqual([0, 999]);
    run.abort.abort();
    expect(await run.over).toBe("done");
    expectNothingPending(run);
  });

  test("is not called if the signal has already aborted", async () => {
    const { run, source } = startWithWake(() => ({ events: [], cursor: 0 }), { signal: AbortSignal.abort() });
    expect(await run.over).toBe("done");
    expect(source.subscribed).toBe(0);
  });

  test("is unsubscribed when the consumer leaves the loop during a pause", async () => {
    const clock = createFakeClock();
    let unsubscribed = 0;
    const events = poll({
      clock,
      wake: () => () => void unsubscribed++,
      read: () => ({ events: [], cursor: undefined }),
    });
    const pending = events.next();
    await clock.advance(100);
    await events.return?.();
    await pending;
    expect([unsubscribed, clock.timers]).toEqual([1, 0]);
  });

  test("what it throws ends the iteration, and so does a result that is not a function", async () => {
    const failure = new Error("cannot listen");
    const throwing = startPolling(() => null, {
      wake: () => {
        throw failure;
      },
    });
    expect(await throwing.over).toBe(failure);
    expectNothingPending(throwing);
    const wrong = startPolling(() => null, { wake: () => undefined as never });
    expect(await wrong.over).toMatchObject({ code: "INVALID_OPTION" });
  });
});

describe("an outage of the source", () => {
  test("yields one error with the retry time; delays grow to 30 s, and start again after a success", async () => {
    const reads: number[] = [];
    let fails = 9;
    const run = startPolling((cursor) => {
      reads.push(run.clock.now());
      if (fails-- > 0) down();
      return { events: [cursor], cursor: cursor + 1, done: cursor === 1 };
    });
    await run.clock.advance(200_000);
    expect(reads.slice(1).map((at, index) => at - (reads[index] ?? 0))).toEqual([
      999, 1_998, 3_996, 7_992, 15_984, 29_970, 29_970, 29_970, 29_970, 500,
    ]);
    expect(run.out).toEqual([
      expect.objectContaining({
        code: "SOURCE_FAILED",
        retryable: true,
        retryAfter: 999,
        cause: new Error("down"),
      }),
      0,
      1,
    ]);
    expect((run.out[0] as Error).message).not.toContain("down");
    expect(await run.over).toBe("done");
    expectNothingPending(run);
  });

  test("that follows another one yields its own error, with the first delay again", async () => {
    const results = [
      down,
      () => ({ events: ["a"], cursor: 1 }),
      down,
      () => ({ events: ["b"], cursor: 2, done: true }),
    ];
    const run = startPolling(() => (results.shift() as () => PollResult<string, number>)());
    await run.clock.advance(10_000);
    const error = expect.objectContaining({ code: "SOURCE_FAILED", retryAfter: 999 });
    expect(run.out).toEqual([error, "a", error, "b"]);
  });

  test("uses the delays of the option `backoff`", async () => {
    const reads: number[] = [];
    const run = startPolling(
      () => {
        reads.push(run.clock.now());
        return down();
      },
      { backoff: { base: 10, cap: 20, factor: 10 }, random: () => 0.5 },
    );
    await run.clock.advance(40);
    run.abort.abort();
    expect(reads).toEqual([0, 5, 15, 25, 35]);
    expectNothingPending(run);
  });

  test("is not an error that is not retryable: it ends the iteration", async () => {
    const final = new HoldfastError("SOURCE_FAILED", "The account is closed.");
    const run = startPolling(() => Promise.reject(final));
    expect(await run.over).toBe(final);
    expectNothingPending(run);
    const busy = new HoldfastError("LIMIT_EXCEEDED", "Later.", { retryable: true });
    const later = startPolling(() => Promise.reject(busy));
    await later.clock.flush();
    expect(later.out).toMatchObject([{ code: "SOURCE_FAILED", cause: busy }]);
    later.abort.abort();
  });
});

describe("nothing stays pending after an abort", () => {
  const moments: [string, Read, (run: Polling) => Promise<unknown> | undefined][] = [
    ["before the first read", () => ({ events: [], cursor: 0 }), () => undefined],
    ["while it reads", never, ({ clock }) => clock.flush()],
    ["while it waits", () => ({ events: [1], cursor: 0 }), ({ clock }) => clock.advance(700)],
    ["in an outage", down, ({ clock }) => clock.advance(2_000)],
  ];

  test.each(moments)("%s", async (_when, read, wait) => {
    const run = startPolling(read);
    await wait(run);
    run.abort.abort();
    expect(await run.over).toBe("done");
    expectNothingPending(run);
  });

  test.each(moments)("or after the consumer has left the loop: %s", async (when, read, wait) => {
    const clock = createFakeClock();
    const abort = new AbortController();
    const events = poll({ read, cursor: 0, clock, signal: abort.signal });
    const pending = when === "before the first read" ? undefined : events.next();
    await wait({ clock, abort, out: [], over: Promise.resolve() });
    const later = when === "while it waits" ? events.next() : undefined;
    await clock.flush();
    await expect(events.return?.()).resolves.toEqual({ done: true, value: undefined });
    await Promise.all([pending, later]);
    expectNothingPending({ clock, abort });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    await expect(events.return?.()).resolves.toMatchObject({ done: true });
  });

  test("between two events of one read: the second is not yielded", async () => {
    const clock = createFakeClock();
    const abort = new AbortController();
    const events = poll({ read: () => ({ events: ["a", "b"], cursor: 1 }), clock, signal: abort.signal });
    expect((await events.next()).value).toBe("a");
    abort.abort();
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expectNothingPending({ clock, abort });
  });

  test("while the consumer handles the error of an outage", async () => {
    const clock = createFakeClock();
    const abort = new AbortController();
    const events = poll({ read: down, clock, signal: abort.signal });
    expect((await events.next()).value).toBeInstanceOf(HoldfastError);
    abort.abort();
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expectNothingPending({ clock, abort });
  });

  test("and a read that rejects because of the abort is ignored", async () => {
    let readSignal: AbortSignal | undefined;
    const run = startPolling(
      (_cursor, { signal }) =>
        new Promise((_resolve, reject) => {
          readSignal = signal;
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
    );
    await run.clock.flush();
    run.abort.abort("stop");
    expect(await run.over).toBe("done");
    expect([readSignal?.aborted, readSignal?.reason]).toEqual([true, "stop"]);
  });

  test("if the signal has already aborted", async () => {
    let reads = 0;
    const signal = AbortSignal.abort();
    const events = poll({ read: () => ({ events: [reads++], cursor: undefined }), signal });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(reads).toBe(0);
  });

  test("of the stream that it is piped into: cancelled during a read, or during a pause", async () => {
    for (const read of [never, (): PollResult<object, number> => ({ events: [{ data: 1 }], cursor: 1 })]) {
      const { registry, clock } = createTestRegistry();
      const job = await registry.open("a");
      const piped = job.pipe(({ signal }) => poll({ read, cursor: 0, signal, clock }));
      await clock.advance(100);
      await registry.cancel("a");
      await piped;
      await registry.close();
      expect(clock.timers).toBe(0);
      expect(getEventListeners(job.signal, "abort")).toEqual([]);
    }
  });
});

test("a stream that a poll is piped into sends outages without ending, and fails with GONE", async () => {
  const { registry, clock, connect } = createTestRegistry();
  const results = [
    () => ({ events: [{ data: 1 }], cursor: 1 }),
    down,
    () => ({ events: [{ data: 2 }], cursor: 2 }),
    () => null,
  ];
  const job = await registry.open("a");
  const client = connect("a");
  const piped = job.pipe(({ signal }) =>
    poll({
      signal,
      clock,
      cursor: 0,
      random: () => 0.5,
      read: () => (results.shift() as () => PollResult<object, number> | null)(),
    }),
  );
  await clock.advance(5_000);
  await piped;
  expect(client.blocks.slice(2)).toEqual([
    ["message", `${job.epoch}.1`, 1],
    [
      "stream.error",
      undefined,
      expect.objectContaining({ code: "SOURCE_FAILED", retryable: true, retryAfter: 500 }),
    ],
    ["message", `${job.epoch}.2`, 2],
    ["stream.error", undefined, expect.objectContaining({ code: "GONE", retryable: false })],
    ["stream.end", `${job.epoch}.3.end`, { status: "failed" }],
  ]);
});

test("with any failures and successes it yields each event once, in order, and one error for each outage", async () => {
  const attempt = fc.oneof(
    { weight: 3, arbitrary: fc.record({ found: fc.nat(4), ms: fc.constantFrom(0, 0, 30, 4_000) }) },
    { weight: 2, arbitrary: fc.record({ fails: fc.constantFrom("throws", "rejects", "rejects later") }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(attempt, { maxLength: 30 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      async (attempts, randoms) => {
        let produced = 0;
        let count = 0;
        const expected: unknown[] = [];
        const run = startPolling(
          async (cursor) => {
            const next = attempts[count++];
            const before = attempts[count - 2];
            if (next === undefined) return { events: [], cursor, done: true };
            // Otherwise events would be read twice, or never.
            expect(cursor).toBe(produced);
            if ("fails" in next) {
              if (before === undefined || "found" in before) expected.push("outage");
              if (next.fails === "rejects later")
                await new Promise<void>((resolve) => run.clock.after(50, resolve));
              throw new Error("down");
            }
            if (next.ms > 0) await new Promise<void>((resolve) => run.clock.after(next.ms, resolve));
            const events = Array.from({ length: next.found }, () => ++produced);
            expected.push(...events);
            return { events, cursor: produced };
          },
          { random: () => randoms.next().value as number },
        );
        await run.clock.advance(31 * 35_000);
        expect(await run.over).toBe("done");
        expect(run.out.map((item) => (item instanceof HoldfastError ? "outage" : item))).toEqual(expected);
        expectNothingPending(run);
      },
    ),
    { numRuns: 200 },
  );
});

test("aborted at any time, with any failures and successes, it leaves nothing pending", async () => {
  const attempt = fc.record({
    fails: fc.boolean(),
    takes: fc.constantFrom(0, 40, Infinity),
    found: fc.nat(2),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(attempt, { maxLength: 8 }),
      fc.integer({ min: 0, max: 6_000 }),
      async (attempts, moment) => {
        let count = 0;
        const run = startPolling(async (cursor, { signal }) => {
          const { fails, takes, found } = attempts[count++] ?? { fails: true, takes: 0, found: 0 };
          if (takes === Infinity) await never();
          if (takes > 0) await new Promise<void>((resolve) => run.clock.after(takes, resolve));
          expect(signal.aborted && takes === 0).toBe(false);
          if (fails) throw new Error("down");
          return { events: Array.from({ length: found }, () => count), cursor };
        });
        await run.clock.advance(moment);
        run.abort.abort();
        expect(await run.over).toBe("done");
        expect(getEventListeners(run.abort.signal, "abort")).toEqual([]);
        // What a read does by itself may take its time.
        await run.clock.advance(40);
        expect([run.clock.timers, count]).toEqual([0, count]);
      },
    ),
  );
});
