import { describe, expect, test } from "vitest";
import { createReport } from "../../src/protocol/observer.ts";
import type { AnyEvents } from "../../src/protocol/event.ts";
import type { AskSnapshot } from "../../src/stream/snapshot.ts";
import { type SnapshotOutcome, SnapshotPoller } from "../../src/stream/snapshot-poller.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/index.ts";
import { type Database, createDatabase } from "../support/database.ts";

interface TestPoller {
  readonly poller: SnapshotPoller;
  readonly clock: FakeClock;
  readonly db: Database;
  /** What was reported to the observer. */
  readonly reports: string[];
  /** The ids that `isHere` returns true for. */
  readonly localIds: Set<string>;
  /** Joins the poller, and collects the outcomes. */
  readonly join: (id?: string) => { readonly outcomes: SnapshotOutcome[]; readonly leave: () => void };
}

function createTestPoller(random: () => number = () => 0.5, ask?: AskSnapshot<AnyEvents>): TestPoller {
  const clock = createFakeClock();
  const db = createDatabase();
  const reports: string[] = [];
  const localIds = new Set<string>();
  const report = createReport({
    warned: ({ id, message }) => void reports.push(`${id}: ${message}`),
    failed: ({ id, stage, error }) => void reports.push(`${id}: ${stage}: ${(error as Error).message}`),
  });
  const poller = new SnapshotPoller(ask ?? db.snapshot, {
    runtime: { clock, random, report },
    timeout: 5_000,
    isHere: (id) => localIds.has(id),
    memory: { reserve: () => true, release: () => undefined },
  });
  return {
    poller,
    clock,
    db,
    reports,
    localIds,
    join(id = "a") {
      const outcomes: SnapshotOutcome[] = [];
      return { outcomes, leave: poller.join(id, (outcome) => outcomes.push(outcome)) };
    },
  };
}

const states = (outcomes: readonly SnapshotOutcome[]): string[] => outcomes.map(({ state }) => state);

describe("a query", () => {
  test("that takes too long is aborted and counts as failed, and frees its place for others", async () => {
    const signals: AbortSignal[] = [];
    const { clock, reports, join } = createTestPoller(undefined, (id, { signal }) => {
      if (id === "good") return { state: "pending" };
      signals.push(signal);
      return new Promise(() => undefined);
    });
    const hanging = Array.from({ length: 16 }, (_, number) => join(`hung-${number}`));
    const good = join("good");
    await clock.advance(4_999);
    expect([good.outcomes, signals.length, signals.some(({ aborted }) => aborted)]).toEqual([[], 16, false]);
    await clock.advance(1);
    expect(states(good.outcomes)).toEqual(["pending"]);
    for (const { outcomes } of hanging) expect(states(outcomes)).toEqual(["unknown"]);
    expect(signals.slice(0, 16).every(({ aborted }) => aborted)).toBe(true);
    expect(reports[0]).toBe("hung-0: snapshot: There was no answer within 5000 ms.");
    for (const { leave } of [...hanging, good]) leave();
    await clock.advance(10_000);
    expect(clock.timers).toBe(0);
  });

  test("of one group does not wait for all those of another one, whoever asked for its id before", async () => {
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const { poller, clock } = createTestPoller(undefined, (id) => {
      asked.push(id);
      return new Promise((resolve) => answers.push(() => resolve({ state: "pending" })));
    });
    const leave: (() => void)[] = [];
    const join = (id: string, group: string): void =>
      void leave.push(poller.join(id, () => undefined, { group }));
    for (let number = 0; number < 1_000; number++) join(`made-up-${number}`, "mallory");
    join("a", "mallory");
    for (const id of ["a", "b"]) join(id, "anna");
    expect(asked).toHaveLength(16);
    for (const answer of answers.slice(0, 4)) answer();
    await clock.flush();
    expect(asked.slice(16)).toEqual(["made-up-16", "a", "made-up-17", "b"]);
    for (const each of leave) each();
    for (const answer of answers) answer();
    await clock.advance(10_000);
    expect(clock.timers).toBe(0);
  });

  test("is made inside the first `join`, once for all who join", async () => {
    const { db, clock, join } = createTestPoller();
    const [first, second] = [join(), join()];
    expect(db.queries.map(({ id }) => id)).toEqual(["a"]);
    db.lastQuery.answer({ state: "pending" });
    await clock.flush();
    expect([states(first.outcomes), states(second.outcomes)]).toEqual([["pending"], ["pending"]]);
  });

  test("has a result that serves new listeners for 2 s; after that a new listener causes a query at once", async () => {
    const { db, clock, join } = createTestPoller();
    const first = join();
    db.lastQuery.answer({ state: "pending" });
    await clock.flush();
    first.leave();
    await clock.advance(1_999);
    const second = join();
    expect([states(second.outcomes), db.queries.length]).toEqual([["pending"], 1]);
    second.leave();
    await clock.advance(1);
    expect(clock.timers).toBe(0);
    const third = join();
    expect([third.outcomes, db.queries.length]).toEqual([[], 2]);
  });

  test("says that there is no row only to those who joined before it began; for others another one follows", async () => {
    const { db, clock, join } = createTestPoller();
    const first = join();
    const second = join();
    db.lastQuery.answer(undefined);
    await clock.flush();
    expect([states(first.outcomes), states(second.outcomes)]).toEqual([["gone"], []]);
    first.leave();
    await clock.advance(0);
    expect(db.queries).toHaveLength(2);
    db.lastQuery.answer(undefined);
    await clock.flush();
    expect(states(second.outcomes)).toEqual(["gone"]);
    second.leave();
    expect(clock.timers).toBe(0);
    const third = join();
    expect([third.outcomes, db.queries.length]).toEqual([[], 3]);
  });

  test("is repeated 2 s ± 20 % after each answer while anybody listens, however long the query takes", async () => {
    for (const [random, interval] of [
      [0, 1_600],
      [0.5, 2_000],
      [0.999_999, 2_400],
    ] as const) {
      const { db, clock, join } = createTestPoller(() => random);
      const { outcomes, leave } = join();
      for (let n = 1; n <= 4; n++) {
        await clock.advance(700);
        db.lastQuery.answer({ state: "pending" });
        await clock.advance(interval - 1);
        expect(db.queries).toHaveLength(n);
        await clock.advance(1);
        expect(db.queries).toHaveLength(n + 1);
      }
      expect(outcomes).toHaveLength(4);
      leave();
      expect(db.lastQuery.signal.aborted).toBe(true);
    }
  });

  test("is repeated 2 s after the last answer, even if that answer was kept for a new listener", async () => {
    const { db, clock, join } = createTestPoller();
    const first = join();
    db.lastQuery.answer({ state: "pending" });
    await clock.flush();
    await clock.advance(500);
    first.leave();
    await clock.advance(1_000);
    const second = join();
    expect(second.outcomes).toHaveLength(1);
    await clock.advance(499);
    expect(db.queries).toHaveLength(1);
    await clock.advance(1);
    expect(db.queries).toHaveLength(2);
    // The query is made although the kept answer is not too old for a new listener.
    db.lastQuery.answer(undefined);
    await clock.flush();
    expect(states(second.outcomes)).toEqual(["pending", "gone"]);
  });

  test("goes on for the others when one listener leaves, and is aborted when the last one leaves", async () => {
    const { db, clock, join } = createTestPoller();
    const [first, second] = [join(), join()];
    first.leave();
    first.leave();
    expect(db.lastQuery.signal.aborted).toBe(false);
    second.leave();
    expect([db.lastQuery.signal.aborted, clock.timers]).toEqual([true, 0]);
    // A result that arrives after the abort is not kept.
    db.lastQuery.answer({ state: "pending" });
    await clock.flush();
    expect([first.outcomes, second.outcomes]).toEqual([[], []]);
    join();
    expect(db.queries).toHaveLength(2);
  });

  test("is not aborted after its answer, not even by a listener that leaves inside its callback", async () => {
    const { poller, db, clock, join } = createTestPoller();
    const { leave } = join();
    db.lastQuery.answer({ state: "pending" });
    await clock.flush();
    leave();
    expect(db.lastQuery.signal.aborted).toBe(false);
    const undo = poller.join("b", () => undo());
    db.lastQuery.answer({ state: "pending" });
    await clock.flush();
    expect(db.queries.map(({ id, signal }) => [id, signal.aborted])).toEqual([
      ["a", false],
      ["b", false],
    ]);
  });

  test("has a result for a listener that joins during the callbacks, and none for one that leaves during them", async () => {
    const { poller, db, clock, join } = createTestPoller();
    const late: SnapshotOutcome[] = [];
    poller.join("a", () => {
      second.leave();
      if (late.length === 0) poller.join("a", (answer) => late.push(answer));
    });
    const second = join();
    db.lastQuery.answer({ state: "pending" });
    await clock.flush();
    expect([second.outcomes, states(late)]).toEqual([[], ["pending"]]);
    expect(clock.timers).toBe(1);
  });

  test("is one of at most 16 at once over all ids, and the next starts when one is answered or aborted", async () => {
    const { db, clock, join } = createTestPoller();
    const listeners = Array.from({ length: 20 }, (_, n) => join(`id-${n}`));
    expect(db.queries).toHaveLength(16);
    db.queries[3]?.answer(undefined);
    await clock.flush();
    expect(db.queries.map(({ id }) => id).slice(16)).toEqual(["id-16"]);
    listeners[17]?.leave();
    listeners[0]?.leave();
    // The query reacts to its aborted signal.
    db.queries[0]?.fail(new Error("aborted"));
    await clock.flush();
    expect(db.queries.map(({ id }) => id).slice(16)).toEqual(["id-16", "id-18"]);
  });

  test("is one of at most 16 at once, even if clients with made-up ids come and go and no query reacts to its signal", async () => {
    const { db, clock, join } = createTestPoller();
    for (let n = 0; n < 1_000; n++) join(`made-up-${n}`).leave();
    expect(db.queries).toHaveLength(16);
    const { outcomes } = join("real");
    await clock.advance(2_000);
    expect(db.queries).toHaveLength(17);
    db.lastQuery.answer({ state: "pending" });
    await clock.flush();
    expect(states(outcomes)).toEqual(["pending"]);
  });

  test("may make its listener leave before it returns", async () => {
    let leave: (() => void) | undefined;
    let signal: AbortSignal | undefined;
    const { clock, join } = createTestPoller(undefined, (_id, context) => {
      ({ signal } = context);
      leave?.();
      return { state: "pending" };
    });
    ({ leave } = join());
    await clock.advance(2_000);
    expect(signal?.aborted).toBe(true);
    await clock.flush();
    expect(clock.timers).toBe(0);
  });
});

describe("an outage", () => {
  const secret = new Error("password authentication failed");
  const throwing: [string, AskSnapshot<AnyEvents>][] = [
    [
      "throws",
      () => {
        throw secret;
      },
    ],
    ["rejects", () => Promise.reject(secret)],
    ["returns an unknown state", () => ({ state: "lost" }) as never],
    ["returns no object", () => "done" as never],
    ["has no events", () => ({ state: "done" }) as never],
    ["has events that are no objects", () => ({ state: "done", events: [null] }) as never],
    ["has events that cannot be encoded", () => ({ state: "done", events: [{ event: "a\nb" }] })],
    ["has control events", () => ({ state: "done", events: [{ event: "stream.end" }] })],
    [
      "is running and has events that cannot be encoded",
      () => ({ state: "running", at: "0123456789.1", events: [{ data: 1n }] }),
    ],
    [
      "is running and has events that are no objects",
      () => ({ state: "running", at: "0123456789.1", events: [null] }) as never,
    ],
  ];

  test.each(throwing)("is reported and the query repeated if a snapshot %s", async (_how, ask) => {
    const { reports, clock, join } = createTestPoller(undefined, ask);
    const { outcomes } = join();
    await clock.flush();
    expect(outcomes).toMatchObject([
      { state: "unknown", error: { code: "SNAPSHOT_FAILED", retryable: true, retryAfter: 500 } },
    ]);
    expect(reports).toEqual([expect.stringContaining("a: snapshot: ")]);
    await clock.advance(500);
    expect(outcomes).toHaveLength(2);
  });

  test("is followed by queries after delays that grow from 1 s to 30 s with full jitter, and clients are not sent the cause", async () => {
    const { db, clock, join } = createTestPoller(() => 0.999);
    const { outcomes } = join();
    const delays: (number | undefined)[] = [];
    for (let n = 0; n < 8; n++) {
      db.lastQuery.fail(secret);
      await clock.flush();
      const answer = outcomes.at(-1);
      if (answer?.state !== "unknown") throw new Error("The outcome is not an outage.");
      const { retryAfter = 0, message, cause } = answer.error;
      expect([message, cause]).toEqual(["The stream could not be looked up.", secret]);
      delays.push(retryAfter);
      await clock.advance(retryAfter - 1);
      expect(db.queries).toHaveLength(n + 1);
      await clock.advance(1);
      expect(db.queries).toHaveLength(n + 2);
    }
    expect(delays).toEqual([999, 1_998, 3_996, 7_992, 15_984, 29_970, 29_970, 29_970]);
  });

  test("ends with the first answer, and the next one has short delays again", async () => {
    const { db, clock, join } = createTestPoller();
    const { outcomes } = join();
    for (const wait of [500, 1_000, 2_000]) {
      db.lastQuery.fail(secret);
      await clock.advance(wait);
    }
    db.lastQuery.answer({ state: "pending" });
    await clock.advance(2_000);
    db.lastQuery.fail(secret);
    await clock.flush();
    expect(outcomes.at(-1)).toMatchObject({ error: { retryAfter: 500 } });
  });

  test("is not reported for a query that fails because it was aborted", async () => {
    const { db, clock, reports, join } = createTestPoller();
    join().leave();
    db.lastQuery.fail(new DOMException("aborted", "AbortError"));
    await clock.flush();
    expect([reports, clock.timers]).toEqual([[], 0]);
  });
});

describe("a warning", () => {
  test("says once that a stream is running, but not in this process", async () => {
    const { db, clock, reports, join } = createTestPoller();
    join();
    for (let n = 0; n < 3; n++) {
      db.lastQuery.answer({ state: "running" });
      await clock.advance(2_000);
    }
    expect(reports).toEqual(["a: The stream is said to run, but it is not in this process."]);
  });

  test("is not reported for a stream in this process", async () => {
    const { db, clock, reports, localIds, join } = createTestPoller();
    localIds.add("a");
    join();
    db.lastQuery.answer({ state: "running" });
    await clock.flush();
    expect(reports).toEqual([]);
  });
});

describe("a kept result", () => {
  test("is dropped by `clear`", async () => {
    const { poller, db, clock, join } = createTestPoller();
    const { leave } = join();
    db.lastQuery.answer({ state: "done", events: [] });
    await clock.flush();
    leave();
    expect(clock.timers).toBe(1);
    poller.clear();
    expect(clock.timers).toBe(0);
  });

  test("is dropped after 2 s, however many made-up ids there are", async () => {
    const { clock, join } = createTestPoller(undefined, () => undefined);
    for (let n = 0; n < 10_000; n++) {
      const { leave } = join(`made-up-${n}`);
      await Promise.resolve();
      leave();
      if (n % 1_000 === 0) await clock.advance(500);
    }
    await clock.advance(2_000);
    expect(clock.timers).toBe(0);
  });
});
