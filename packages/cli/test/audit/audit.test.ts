import { describe, expect, test } from "vitest";
import { Audit, type AuditOptions } from "../../src/audit/audit.ts";
import type { Finding } from "../../src/audit/finding.ts";

/** An audit of a stream whose events have their id as data. */
function start(options: Partial<AuditOptions> = {}) {
  const cursor = options.cursor ?? "";
  const audit = new Audit({ cursor, allowHoles: false, ...options });
  audit.open(cursor);
  let last = cursor;
  const send = (id: string, data = `data of ${id}`): Finding[] => {
    last = id;
    audit.moveCursor(id, false);
    return audit.event(id, "message", data);
  };
  return {
    audit,
    send,
    sendAll: (...ids: readonly (string | number)[]): Finding[] => ids.flatMap((id) => send(String(id))),
    /** The connection is lost, and the client asks for what follows its cursor. */
    reconnect: (from = last): void => audit.open(from),
  };
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe("nothing is found in", () => {
  test.for([
    ["numbers in order", range(1, 50)],
    ["numbers that begin anywhere", range(1_000, 1_050)],
    [
      "the ids of holdfast, also across a joint",
      ["k3v9x0q2ma.1", "k3v9x0q2ma.2", "abcdefghij.3", "abcdefghij.4"],
    ],
    ["random ids", ["7c9e6679", "f47ac10b-3", "a3bb189e", "9b2d-5"]],
    ["times", [1_700_000_000_123, 1_700_000_000_777, 1_700_000_001_000, 1_700_000_005_000]],
    ["the ids of Redis", ["1700000000000-0", "1700000000000-1", "1700000000042-0", "1700000000043-0"]],
  ] as const)("%s", ([, ids]) => {
    const { audit, sendAll, reconnect } = start();
    const half = Math.floor(ids.length / 2);
    expect(sendAll(...ids.slice(0, half))).toEqual([]);
    reconnect();
    expect(sendAll(...ids.slice(half))).toEqual([]);
    expect(audit.hasLosses).toBe(false);
  });

  test("events without ids, which are counted", () => {
    const { audit } = start();
    expect([
      audit.event(undefined, "a", "x"),
      audit.event(undefined, "a", "x"),
      audit.event("", "a", "x"),
    ]).toEqual([[], [], []]);
    expect(audit.totals.withoutId).toBe(3);
  });
});

describe("a gap", () => {
  test("is found when the numbers were without holes before, in one connection or between two", () => {
    const { audit, sendAll, reconnect } = start();
    expect(sendAll(1, 2, 3, 4, 7)).toEqual([{ kind: "gap", from: 5, to: 6 }]);
    reconnect();
    expect(sendAll(8, 10)).toEqual([{ kind: "gap", from: 9, to: 9 }]);
    reconnect();
    expect(sendAll(12)).toEqual([{ kind: "gap", from: 11, to: 11 }]);
    expect(audit.totals).toMatchObject({ lost: 4, holes: 0 });
  });

  test("behind the cursor that the user gave is found once the numbers are known to be without holes", () => {
    const { sendAll } = start({ cursor: "k3v9x0q2ma.5" });
    expect(sendAll("k3v9x0q2ma.6", "k3v9x0q2ma.7", "k3v9x0q2ma.8", "k3v9x0q2ma.10")).toEqual([
      { kind: "gap", from: 9, to: 9 },
    ]);
  });

  test("is only a hole in numbers that have holes, or that may have them", () => {
    const { audit, sendAll } = start();
    expect(sendAll(1, 4, 5, 9, 12, 13)).toEqual([]);
    expect(audit.totals).toMatchObject({ lost: 0, holes: 3 });
    const allowed = start({ allowHoles: true });
    expect(allowed.sendAll(1, 2, 3, 4, 5, 7)).toEqual([]);
    expect(allowed.audit.totals).toMatchObject({ lost: 0, holes: 1 });
  });

  test("is none where the server moves the cursor over what it leaves out", () => {
    const { audit, sendAll } = start();
    sendAll(1, 2, 3, 4);
    audit.moveCursor("8", true);
    expect(sendAll(9)).toEqual([]);
    expect(audit.hasLosses).toBe(false);
  });

  test("before the end is found by the id of the end", () => {
    const { audit, sendAll } = start();
    sendAll(...range(1, 5).map((seq) => `k3v9x0q2ma.${seq}`));
    expect(audit.end("k3v9x0q2ma.8.end")).toEqual([{ kind: "gap", from: 6, to: 7 }]);
    expect(start().audit.end("k3v9x0q2ma.8.end")).toEqual([]);
  });

  test("at the end is none if the end has the next number, or no id", () => {
    const { audit, sendAll } = start();
    sendAll(...range(1, 5).map((seq) => `k3v9x0q2ma.${seq}`));
    expect([audit.end("k3v9x0q2ma.6.end"), audit.end(undefined)]).toEqual([[], []]);
  });
});

describe("an event", () => {
  test("that arrives again is a double, also when its id is no number", () => {
    const { audit, sendAll, reconnect } = start();
    sendAll("x", "y");
    reconnect();
    expect(sendAll("y", "z")).toEqual([{ kind: "double", id: "y" }]);
    expect(audit.totals.doubled).toBe(1);
  });

  test("with a number up to the cursor that the user gave is a double, and the server has ignored the cursor", () => {
    const { sendAll } = start({ cursor: "5" });
    expect(sendAll(1, 2)).toEqual([
      { kind: "restart", cursor: "5" },
      { kind: "double", id: "1" },
      { kind: "double", id: "2" },
    ]);
  });

  test("that was asked for again is no double", () => {
    const { audit, sendAll, reconnect } = start();
    sendAll(1, 2, 3, 4, 5);
    reconnect("3");
    expect(sendAll(4, 5, 6)).toEqual([]);
    expect(audit.hasLosses).toBe(false);
  });

  test("that arrives late is out of order, and no longer lost", () => {
    const { audit, sendAll } = start();
    expect(sendAll(1, 2, 3, 4, 6, 5, 7)).toEqual([
      { kind: "gap", from: 5, to: 5 },
      { kind: "backwards", id: "5", after: "6" },
    ]);
    expect(audit.totals).toMatchObject({ lost: 0, backwards: 1 });
  });

  test("with a lower number than the first is out of order", () => {
    const { sendAll } = start();
    expect(sendAll(10, 11, 12, 13, 3)).toEqual([{ kind: "backwards", id: "3", after: "13" }]);
  });

  test("with the id of another one shows that ids are reused", () => {
    const { send } = start();
    send("1", "yesterday");
    expect(send("1", "today")).toEqual([{ kind: "reused", id: "1" }]);
  });

  test("that is remembered no longer is a double all the same, if the numbers are without holes", () => {
    const { sendAll } = start();
    sendAll(...range(1, 10_010));
    expect(sendAll(2)).toEqual([{ kind: "double", id: "2" }]);
  });
});

test("a server that begins again with the first event has ignored the cursor", () => {
  const { audit, sendAll, reconnect } = start();
  sendAll("a", "b", "c");
  reconnect();
  expect(sendAll("a", "b")).toEqual([
    { kind: "restart", cursor: "c" },
    { kind: "double", id: "a" },
    { kind: "double", id: "b" },
  ]);
  expect(audit.totals).toMatchObject({ restarts: 1, doubled: 2 });
});

describe("a declared reset", () => {
  test("that names the lost events counts them, and they are no gap", () => {
    const { audit, sendAll } = start();
    sendAll(1, 2, 3, 4);
    expect(audit.reset("trimmed", [5, 9])).toEqual([{ kind: "reset", reason: "trimmed", lost: [5, 9] }]);
    expect(sendAll(10, 11)).toEqual([]);
    expect(audit.totals).toMatchObject({ lost: 5 });
  });

  test("that makes the client start over forgets everything", () => {
    const { audit, sendAll } = start();
    sendAll(1, 2, 3, 4);
    audit.reset("epoch", null);
    expect(sendAll(1, 2, 3)).toEqual([]);
    expect(audit.totals).toMatchObject({ lost: 0, resets: 1 });
    expect(audit.hasLosses).toBe(true);
  });

  test("before the first event is no loss for a client that has come without a cursor", () => {
    const { audit, sendAll } = start();
    audit.reset("trimmed", [1, 9]);
    expect(sendAll(10, 11)).toEqual([]);
    expect(audit.hasLosses).toBe(false);
    const resumed = start({ cursor: "k3v9x0q2ma.5" });
    resumed.audit.reset("trimmed", [6, 9]);
    expect(resumed.audit.totals.lost).toBe(4);
  });
});
