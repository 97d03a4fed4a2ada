import fc from "fast-check";
import { expect, test } from "vitest";
import { makeId, makeTerminalId } from "../../src/protocol/event-id.ts";
import {
  type Bounds,
  idBefore,
  isTerminal,
  resolveCursor,
  type StartPosition,
  trimmed,
} from "../../src/protocol/cursor.ts";
import { anyText } from "../support/text.ts";

const EPOCH = "aaaaaaaaaa";
const OTHER_EPOCH = "bbbbbbbbbb";
const LONG = "x".repeat(1e6);

/** Logs of any length, of which any number of the newest events is still there. */
const anyLog = fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 40 })).map(([last, held]): Bounds => ({
  epoch: EPOCH,
  joints: [],
  first: Math.max(1, last - held + 1),
  last,
  forgotten: 0,
}));

/** The expected result, computed from lists, for a client that has seen all events up to `seen`. */
function expectedAfter(log: Bounds, seen: number): StartPosition {
  const all = Array.from({ length: log.last }, (_, index) => index + 1);
  const isHeld = (number: number): boolean => number >= log.first;
  const unseen = all.filter((number) => number > seen);
  const gone = unseen.filter((number) => !isHeld(number));
  const [next = log.last + 1] = unseen.filter(isHeld);
  const [from, to] = [gone.at(0), gone.at(-1)];
  const lost = from !== undefined && to !== undefined;
  return { next, reset: lost ? { reason: "trimmed", lost: [from, to] } : undefined };
}

test("every possible client starts after the last event that it saw, or gets exactly the range that it lost", () => {
  fc.assert(
    fc.property(anyLog, (log) => {
      for (let seen = 0; seen <= log.last; seen++) {
        expect(resolveCursor(log, makeId(EPOCH, seen), "start")).toEqual(expectedAfter(log, seen));
      }
    }),
  );
});

test("with a cursor, `from` has no effect", () => {
  fc.assert(
    fc.property(anyLog, fc.nat({ max: 50 }), (log, seq) => {
      const cursor = makeId(EPOCH, seq);
      const located = resolveCursor(log, cursor, "start");
      expect(resolveCursor(log, cursor, "now")).toEqual(located);
      expect(resolveCursor(log, cursor, "held")).toEqual(located);
    }),
  );
});

test("a client without a cursor starts at the first event, and gets the range that is missing", () => {
  fc.assert(
    fc.property(anyLog, (log) => {
      expect(resolveCursor(log, undefined, "start")).toEqual(expectedAfter(log, 0));
    }),
  );
});

test("with `now` and `held` a client without a cursor gets no reset", () => {
  fc.assert(
    fc.property(anyLog, (log) => {
      expect(resolveCursor(log, undefined, "now")).toEqual({ next: log.last + 1, reset: undefined });
      expect(resolveCursor(log, undefined, "held")).toEqual({ next: log.first, reset: undefined });
    }),
  );
});

test("of 150 missed events, when the log has the last 100, the first 50 are lost", () => {
  expect(
    resolveCursor(
      { epoch: EPOCH, joints: [], first: 51, last: 150, forgotten: 0 },
      makeId(EPOCH, 0),
      "start",
    ),
  ).toEqual({
    next: 51,
    reset: { reason: "trimmed", lost: [1, 50] },
  });
});

test("a client whose cursor has another epoch, is ahead or invalid starts over at the first event in the log", () => {
  fc.assert(
    fc.property(anyLog, fc.integer({ min: 1, max: 10 }), fc.nat({ max: 50 }), (log, beyond, seq) => {
      const startOver = (reason: string): unknown => ({ next: log.first, reset: { reason, lost: null } });
      expect(resolveCursor(log, makeId(OTHER_EPOCH, seq), "now")).toEqual(startOver("epoch"));
      expect(resolveCursor(log, makeId(EPOCH, log.last + beyond), "now")).toEqual(startOver("ahead"));
      for (const invalid of [makeTerminalId(EPOCH, seq), "", "0", `${EPOCH}.01`, "x".repeat(65), LONG]) {
        expect(resolveCursor(log, invalid, "now")).toEqual(startOver("invalid"));
      }
    }),
  );
});

test("any text that is not an id is an invalid cursor", () => {
  fc.assert(
    fc.property(anyLog, anyText, (log, cursor) => {
      const { next, reset } = resolveCursor(log, cursor, "start");
      expect(next).toBe(log.first);
      expect(reset).toEqual({ reason: "invalid", lost: null });
    }),
  );
});

test("a client whose cursor is below a change that was forgotten starts over", () => {
  const log = { epoch: EPOCH, joints: [], first: 1, last: 9, forgotten: 5 };
  expect(resolveCursor(log, makeId(EPOCH, 4), "start")).toEqual({
    next: 1,
    reset: { reason: "epoch", lost: null },
  });
  expect(resolveCursor(log, makeId(EPOCH, 5), "start")).toEqual({ next: 6, reset: undefined });
  expect(resolveCursor(log, undefined, "held")).toEqual({ next: 1, reset: undefined });
});

test("a reader whose next event is gone has lost all events up to the first in the log", () => {
  expect(trimmed({ epoch: EPOCH, joints: [], first: 8, last: 9, forgotten: 0 }, 3)).toEqual({
    reason: "trimmed",
    lost: [3, 7],
  });
});

test("with the id before an event as the cursor, a client starts at this event", () => {
  fc.assert(
    fc.property(anyLog, (log) => {
      for (let next = log.first; next <= log.last + 1; next++) {
        expect(resolveCursor(log, idBefore(log, next), "now")).toEqual({ next, reset: undefined });
      }
    }),
  );
});

test("only the id of a terminal record is terminal", () => {
  expect(isTerminal(makeTerminalId(OTHER_EPOCH, 0))).toBe(true);
  expect(isTerminal(makeTerminalId(EPOCH, Number.MAX_SAFE_INTEGER))).toBe(true);
  for (const cursor of [undefined, "", ".end", makeId(EPOCH, 3), "3.end", `${"a".repeat(64)}.1.end`]) {
    expect(isTerminal(cursor)).toBe(false);
  }
});
