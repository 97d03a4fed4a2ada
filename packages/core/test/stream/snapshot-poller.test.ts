import { describe, expect, test } from "vitest";
import { createReport } from "../../src/protocol/observer.ts";
import type { AnyEvents } from "../../src/protocol/event.ts";
import { type AskSnapshot, readSnapshot, type Snapshot } from "../../src/stream/snapshot.ts";
import { type SnapshotOutcome, SnapshotPoller } from "../../src/stream/snapshot-poller.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/index.ts";
import { type Database, database } from "../support/database.ts";
import { parse } from "../support/parse.ts";

interface Asking {
  readonly snapshots: SnapshotPoller;
  readonly clock: FakeClock;
  readonly db: Database;
  /** What the observer was told. */
  readonly told: string[];
  readonly here: Set<string>;
  /** Listens; what is heard stands in the list. */
  readonly listen: (id?: string) => { readonly heard: SnapshotOutcome[]; readonly leave: () => void };
}

function asking(random: () => number = () => 0.5, ask?: AskSnapshot<AnyEvents>): Asking {
  const clock = createFakeClock();
  const db = database();
  const told: string[] = [];
  const here = new Set<string>();
  const report = createReport({
    warned: ({ id, message }) => void told.push(`${id}: ${message}`),
    failed: ({ id, stage, error }) => void told.push(`${id}: ${stage}: ${(error as Error).message}`),
  });
  const snapshots = new SnapshotPoller(ask ?? db.snapshot, {
    runtime: { clock, random, report },
    isHere: (id) => here.has(id),
  });
  return {
    snapshots,
    clock,
    db,
    told,
    here,
    listen(id = "a") {
      const heard: SnapshotOutcome[] = [];
      return { heard, leave: snapshots.join(id, (answer) => heard.push(answer)) };
    },
  };
}

const states = (heard: readonly SnapshotOutcome[]): string[] => heard.map(({ state }) => state);

describe("asking", () => {
  test("is one call at a time for all who listen, within the first one's call", async () => {
    const { db, clock, listen } = asking();
    const [first, second] = [listen(), listen()];
    expect(db.asked.map(({ id }) => id)).toEqual(["a"]);
    db.last.answer({ state: "pending" });
    await clock.flush();
    expect([states(first.heard), states(second.heard)]).toEqual([["pending"], ["pending"]]);
  });

  test("an answer serves newcomers for 2 s; the next one is asked at once when nobody listened meanwhile", async () => {
    const { db, clock, listen } = asking();
    const first = listen();
    db.last.answer(undefined);
    await clock.flush();
    first.leave();
    await clock.advance(1_999);
    const second = listen();
    expect([states(second.heard), db.asked.length]).toEqual([["gone"], 1]);
    second.leave();
    await clock.advance(1);
    expect(clock.timers).toBe(0);
    const third = listen();
    expect([third.heard, db.asked.length]).toEqual([[], 2]);
  });

  test("is repeated for those who wait, 2 s +-20 % after each answer, however long it took", async () => {
    for (const [random, interval] of [
      [0, 1_600],
      [0.5, 2_000],
      [0.999_999, 2_400],
    ] as const) {
      const { db, clock, listen } = asking(() => random);
      const { heard, leave } = listen();
      for (let n = 1; n <= 4; n++) {
        await clock.advance(700);
        db.last.answer({ state: "pending" });
        await clock.advance(interval - 1);
        expect(db.asked).toHaveLength(n);
        await clock.advance(1);
        expect(db.asked).toHaveLength(n + 1);
      }
      expect(heard).toHaveLength(4);
      leave();
      expect(db.last.signal.aborted).toBe(true);
    }
  });

  test("a kept answer serves a newcomer, never the poller: the next call comes 2 s after the answer", async () => {
    const { db, clock, listen } = asking();
    const first = listen();
    db.last.answer({ state: "pending" });
    await clock.flush();
    await clock.advance(500);
    first.leave();
    await clock.advance(1_000);
    const second = listen();
    expect(second.heard).toHaveLength(1);
    await clock.advance(499);
    expect(db.asked).toHaveLength(1);
    await clock.advance(1);
    expect(db.asked).toHaveLength(2);
    // The poll is answered anew, though the kept answer is hardly old.
    db.last.answer(undefined);
    await clock.flush();
    expect(states(second.heard)).toEqual(["pending", "gone"]);
  });

  test("one who leaves does not end it for the others; the last one aborts the call", async () => {
    const { db, clock, listen } = asking();
    const [first, second] = [listen(), listen()];
    first.leave();
    first.leave();
    expect(db.last.signal.aborted).toBe(false);
    second.leave();
    expect([db.last.signal.aborted, clock.timers]).toEqual([true, 0]);
    // Too late for anybody, and not kept.
    db.last.answer({ state: "pending" });
    await clock.flush();
    expect([first.heard, second.heard]).toEqual([[], []]);
    listen();
    expect(db.asked).toHaveLength(2);
  });

  test("a call that was answered is not aborted afterwards, nor by who leaves as it hears the answer", async () => {
    const { snapshots, db, clock, listen } = asking();
    const { leave } = listen();
    db.last.answer({ state: "pending" });
    await clock.flush();
    leave();
    expect(db.last.signal.aborted).toBe(false);
    const undo = snapshots.join("b", () => undo());
    db.last.answer({ state: "pending" });
    await clock.flush();
    expect(db.asked.map(({ id, signal }) => [id, signal.aborted])).toEqual([
      ["a", false],
      ["b", false],
    ]);
  });

  test("who leaves while the others are told is not told, and who comes is", async () => {
    const { snapshots, db, clock, listen } = asking();
    const late: SnapshotOutcome[] = [];
    snapshots.join("a", () => {
      second.leave();
      if (late.length === 0) snapshots.join("a", (answer) => late.push(answer));
    });
    const second = listen();
    db.last.answer({ state: "pending" });
    await clock.flush();
    expect([second.heard, states(late)]).toEqual([[], ["pending"]]);
    expect(clock.timers).toBe(1);
  });

  test("16 calls are under way at once, over all ids; the next begins when one is answered or given up", async () => {
    const { db, clock, listen } = asking();
    const asked = Array.from({ length: 20 }, (_, n) => listen(`id-${n}`));
    expect(db.asked).toHaveLength(16);
    db.asked[3]?.answer(undefined);
    await clock.flush();
    expect(db.asked.map(({ id }) => id).slice(16)).toEqual(["id-16"]);
    asked[17]?.leave();
    asked[0]?.leave();
    // It was told to stop, and does.
    db.asked[0]?.fail(new Error("aborted"));
    await clock.flush();
    expect(db.asked.map(({ id }) => id).slice(16)).toEqual(["id-16", "id-18"]);
  });

  test("strangers who come and go do not make more calls at once than 16, even if none of them hears its signal", async () => {
    const { db, clock, listen } = asking();
    for (let n = 0; n < 1_000; n++) listen(`made-up-${n}`).leave();
    expect(db.asked).toHaveLength(16);
    const { heard } = listen("real");
    await clock.advance(2_000);
    expect(db.asked).toHaveLength(17);
    db.last.answer({ state: "pending" });
    await clock.flush();
    expect(states(heard)).toEqual(["pending"]);
  });

  test("who is asked may be rid of those who listen within the call", async () => {
    let leave: (() => void) | undefined;
    let signal: AbortSignal | undefined;
    const { clock, listen } = asking(undefined, (_id, context) => {
      ({ signal } = context);
      leave?.();
      return { state: "pending" };
    });
    ({ leave } = listen());
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
    ["answers something else", () => ({ state: "lost" }) as never],
    ["answers no object", () => "done" as never],
    ["has no events", () => ({ state: "done" }) as never],
    ["has events that are none", () => ({ state: "done", events: [null] }) as never],
    ["has events that cannot be sent", () => ({ state: "done", events: [{ event: "a\nb" }] })],
    ["has control events", () => ({ state: "done", events: [{ event: "stream.end" }] })],
    [
      "runs behind events that cannot be sent",
      () => ({ state: "running", at: "0123456789.1", events: [{ data: 1n }] }),
    ],
    [
      "runs behind events that are none",
      () => ({ state: "running", at: "0123456789.1", events: [null] }) as never,
    ],
  ];

  test.each(throwing)("is a snapshot that %s: told, and asked again", async (_how, ask) => {
    const { told, clock, listen } = asking(undefined, ask);
    const { heard } = listen();
    await clock.flush();
    expect(heard).toMatchObject([
      { state: "unknown", error: { code: "SNAPSHOT_FAILED", retryable: true, retryAfter: 500 } },
    ]);
    expect(told).toEqual([expect.stringContaining("a: snapshot: ")]);
    await clock.advance(500);
    expect(heard).toHaveLength(2);
  });

  test("is asked again with delays that grow from 1 s to 30 s, with full jitter; what the clients hear is not the cause", async () => {
    const { db, clock, listen } = asking(() => 0.999);
    const { heard } = listen();
    const delays: (number | undefined)[] = [];
    for (let n = 0; n < 8; n++) {
      db.last.fail(secret);
      await clock.flush();
      const answer = heard.at(-1);
      if (answer?.state !== "unknown") throw new Error("No outage");
      const { retryAfter = 0, message, cause } = answer.error;
      expect([message, cause]).toEqual(["The stream could not be looked up.", secret]);
      delays.push(retryAfter);
      await clock.advance(retryAfter - 1);
      expect(db.asked).toHaveLength(n + 1);
      await clock.advance(1);
      expect(db.asked).toHaveLength(n + 2);
    }
    expect(delays).toEqual([999, 1_998, 3_996, 7_992, 15_984, 29_970, 29_970, 29_970]);
  });

  test("after it the delays begin anew", async () => {
    const { db, clock, listen } = asking();
    const { heard } = listen();
    for (const wait of [500, 1_000, 2_000]) {
      db.last.fail(secret);
      await clock.advance(wait);
    }
    db.last.answer({ state: "pending" });
    await clock.advance(2_000);
    db.last.fail(secret);
    await clock.flush();
    expect(heard.at(-1)).toMatchObject({ error: { retryAfter: 500 } });
  });

  test("nobody is told of a call that failed because it was given up", async () => {
    const { db, clock, told, listen } = asking();
    listen().leave();
    db.last.fail(new DOMException("aborted", "AbortError"));
    await clock.flush();
    expect([told, clock.timers]).toEqual([[], 0]);
  });
});

describe("a warning", () => {
  test("says once that a stream runs, but not here", async () => {
    const { db, clock, told, listen } = asking();
    listen();
    for (let n = 0; n < 3; n++) {
      db.last.answer({ state: "running" });
      await clock.advance(2_000);
    }
    expect(told).toEqual(["a: The stream is said to run, but it is not in this process."]);
  });

  test("is not needed for one that is here", async () => {
    const { db, clock, told, here, listen } = asking();
    here.add("a");
    listen();
    db.last.answer({ state: "running" });
    await clock.flush();
    expect(told).toEqual([]);
  });
});

describe("what is kept", () => {
  test("goes with the registry", async () => {
    const { snapshots, db, clock, listen } = asking();
    const { leave } = listen();
    db.last.answer({ state: "done", events: [] });
    await clock.flush();
    leave();
    expect(clock.timers).toBe(1);
    snapshots.clear();
    expect(clock.timers).toBe(0);
  });

  test("is bounded by time, however many ids are made up", async () => {
    const { clock, listen } = asking(undefined, () => undefined);
    for (let n = 0; n < 10_000; n++) {
      const { leave } = listen(`made-up-${n}`);
      await Promise.resolve();
      leave();
      if (n % 1_000 === 0) await clock.advance(500);
    }
    await clock.advance(2_000);
    expect(clock.timers).toBe(0);
  });
});

describe("a finished snapshot", () => {
  /** Everything that a reader of it gets. */
  function written(snapshot: Snapshot<AnyEvents>): {
    readonly epoch: string;
    readonly text: string;
    readonly bytes: Uint8Array[];
  } {
    const finding = readSnapshot("a", snapshot);
    if (finding.state !== "finished") throw new Error("Not finished");
    const { log } = finding.stream;
    const bytes = [finding.stream.endFrame(true)];
    if (log.last > 0) bytes.unshift(log.read(1, log.last).bytes);
    return { epoch: log.epoch, text: bytes.map((part) => new TextDecoder().decode(part)).join(""), bytes };
  }

  test("has the same ids on every machine, for ever", () => {
    const events = [
      { event: "token", data: "Hello" },
      { event: "done", data: { text: "Hello" } },
    ];
    expect(written({ state: "done", events }).text).toBe(
      [
        "event: token\nid: vdp3tzqka9.1\ndata: Hello\n\n",
        'event: done\nid: vdp3tzqka9.2\ndata: {"text":"Hello"}\n\n',
        'event: stream.end\nid: vdp3tzqka9.3.end\ndata: {"status":"done"}\n\n',
      ].join(""),
    );
  });

  test("is numbered from 1 in an epoch of ten characters", () => {
    const epochs = new Set<string>();
    for (let n = 0; n < 3_000; n++) {
      const { epoch, bytes } = written({ state: "done", events: [{ data: { n } }, { data: "end" }] });
      expect(epoch).toMatch(/^[0-9a-z]{10}$/);
      expect(parse(...bytes).events.map(({ id }) => id)).toEqual([
        `${epoch}.1`,
        `${epoch}.2`,
        `${epoch}.3.end`,
      ]);
      epochs.add(epoch);
    }
    expect(epochs.size).toBe(3_000);
    // Of 3,000 hashes some are small, and padded.
    expect(Array.from(epochs).some((epoch) => epoch.startsWith("0"))).toBe(true);
  });

  test("is told apart by its state, its order, its names, and where one event ends", () => {
    const contents: Snapshot<AnyEvents>[] = [
      { state: "done", events: [] },
      { state: "failed", events: [] },
      { state: "cancelled", events: [] },
      { state: "done", events: [{ data: "a" }, { data: "b" }] },
      { state: "done", events: [{ data: "b" }, { data: "a" }] },
      { state: "done", events: [{ data: "a\nb" }] },
      { state: "done", events: [{ data: "ab" }] },
      { state: "done", events: [{ event: "x", data: "ab" }] },
      { state: "done", events: [{ data: "" }, { data: "ab" }] },
    ];
    expect(new Set(contents.map((content) => written(content).epoch)).size).toBe(contents.length);
  });

  test("may hold more than a log does, and larger events", () => {
    const events = Array.from({ length: 40_000 }, (_, n) => ({ data: n }));
    events.push({ data: "x".repeat(600_000) } as never);
    const finding = readSnapshot("a", { state: "done", events });
    expect(finding).toMatchObject({ stream: { log: { first: 1, last: 40_001 } } });
  });

  test("ignores ids that its events bring from a database", () => {
    const plain = written({ state: "done", events: [{ event: "token", data: "x" }] });
    const row = { id: "1742", event: "token", data: "x" };
    expect(written({ state: "done", events: [row] }).text).toBe(plain.text);
  });
});

describe("a running snapshot", () => {
  const AT = "0123456789.7";

  test("gives no id to its events but the last, even where one is there twice", () => {
    const event = { id: "1742", event: "state", data: 1 };
    const finding = readSnapshot("a", { state: "running", at: AT, events: [event, event] });
    if (finding.state !== "running" || finding.prefix === undefined) throw new Error("No prefix");
    expect(finding.prefix).toMatchObject({ at: { epoch: "0123456789", seq: 7 }, events: 2 });
    expect(new TextDecoder().decode(finding.prefix.bytes)).toBe(
      `event: state\ndata: 1\n\nevent: state\nid: ${AT}\ndata: 1\n\n`,
    );
  });

  test.each([undefined, null, "", "7", "0123456789.8.end", 7])(
    "stands nowhere without a position: %j",
    (at) => {
      const snapshot = { state: "running", at, events: [{ data: 1 }] } as Snapshot<AnyEvents>;
      expect(readSnapshot("a", snapshot)).toEqual({ state: "running", prefix: undefined });
    },
  );
});

test("nothing is what is not there: `undefined`, or `null` as databases say", () => {
  expect([undefined, null].map((nothing) => readSnapshot("a", nothing))).toEqual([
    { state: "gone" },
    { state: "gone" },
  ]);
});
