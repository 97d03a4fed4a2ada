// What connections do at their deadlines is tested in connection.test.ts.

import { expect, test } from "vitest";
import { ConnectionDeadlines } from "../../src/connection/connection-deadlines.ts";

/** Deadlines of a connection that started at 0, with a longest duration of exactly 1,000 ms. */
function started(): ConnectionDeadlines {
  const deadlines = new ConnectionDeadlines({ heartbeat: 100, idleTimeout: 300, maxDuration: 1_000 });
  deadlines.start(0, 0.5);
  return deadlines;
}

test("a heartbeat is due an interval after the last write", () => {
  const deadlines = started();
  expect([deadlines.next, deadlines.due(99), deadlines.due(100)]).toEqual([100, undefined, "heartbeat"]);
  deadlines.wrote(60);
  expect([deadlines.next, deadlines.due(159), deadlines.due(160)]).toEqual([160, undefined, "heartbeat"]);
});

test("a heartbeat may be early, and nothing else", () => {
  const deadlines = started();
  expect([deadlines.due(97, undefined, 2), deadlines.due(98, undefined, 2)]).toEqual([
    undefined,
    "heartbeat",
  ]);
  deadlines.wrote(950);
  expect(deadlines.due(999, undefined, 2)).toBeUndefined();
  deadlines.pause(1_000 - 301);
  expect(deadlines.due(998, undefined, 2)).toBeUndefined();
});

test("while it is paused no heartbeat is due; after `idleTimeout` it is a zombie", () => {
  const deadlines = started();
  deadlines.pause(50);
  expect([deadlines.paused, deadlines.next]).toEqual([true, 350]);
  expect([deadlines.due(349), deadlines.due(350)]).toEqual([undefined, "zombie"]);
  deadlines.resume();
  expect([deadlines.paused, deadlines.next, deadlines.due(350)]).toEqual([false, 100, "heartbeat"]);
});

test("a sink that flushes something has `idleTimeout` again, from the check that finds it", () => {
  const deadlines = started();
  deadlines.pause(100, 7);
  expect(deadlines.next).toBe(175);
  expect([deadlines.due(174, { progress: () => 8 }), deadlines.next]).toEqual([undefined, 175]);
  expect([deadlines.due(175, { progress: () => 8 }), deadlines.next]).toEqual([undefined, 250]);
  for (const now of [250, 325, 400]) expect(deadlines.due(now, { progress: () => 8 })).toBeUndefined();
  expect([deadlines.next, deadlines.due(475, { progress: () => 8 })]).toEqual([475, "zombie"]);
});

test("a sink that flushes slowly while it is closing has until `maxDuration`, and at least `idleTimeout`", () => {
  let flushed = 0;
  const closeAt = (time: number): number => {
    const deadlines = started();
    deadlines.close(time, flushed);
    for (;;) {
      const now = deadlines.next;
      if (deadlines.due(now, { progress: () => ++flushed }) === "zombie") return now;
    }
  };
  expect([closeAt(200), closeAt(950)]).toEqual([1_000, 1_250]);
});

test("while it is closing nothing is due until it is a zombie after `idleTimeout`", () => {
  const deadlines = started();
  deadlines.close(950);
  expect([deadlines.next, deadlines.due(1_249), deadlines.due(1_250)]).toEqual([1_250, undefined, "zombie"]);
});

test("it expires after `maxDuration`, varied by 10 %", () => {
  const deadlines = started();
  deadlines.wrote(950);
  expect([deadlines.next, deadlines.due(999), deadlines.due(1_000)]).toEqual([
    1_000,
    undefined,
    "max-duration",
  ]);
  deadlines.start(0, 0);
  deadlines.wrote(850);
  expect(deadlines.next).toBe(900);
});

test("when several things are due the end comes before the heartbeat, and a zombie before everything", () => {
  const deadlines = started();
  expect(deadlines.due(1_000)).toBe("max-duration");
  deadlines.pause(100);
  expect(deadlines.due(1_000)).toBe("zombie");
});

test("without heartbeats and limits nothing is ever due", () => {
  const deadlines = new ConnectionDeadlines({
    heartbeat: Infinity,
    idleTimeout: Infinity,
    maxDuration: Infinity,
  });
  deadlines.start(0, 0.5);
  expect([deadlines.next, deadlines.due(1e12)]).toEqual([Infinity, undefined]);
  deadlines.pause(0);
  expect([deadlines.next, deadlines.due(1e12)]).toEqual([Infinity, undefined]);
});
