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

/** Logs of any history: so many events were pushed, so many of them are still held. */
const anyLog = fc
  .tuple(fc.nat({ max: 40 }), fc.nat({ max: 40 }))
  .map(([last, held]): Bounds => ({ epoch: EPOCH, first: Math.max(1, last - held + 1), last }));

/** The same, from lists: the client has seen all up to `seen`. */
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

test("every client that could exist begins behind the last event it saw, or is told exactly what it lost", () => {
  fc.assert(
    fc.property(anyLog, (log) => {
      for (let seen = 0; seen <= log.last; seen++) {
        expect(resolveCursor(log, makeId(EPOCH, seen), "start")).toEqual(expectedAfter(log, seen));
      }
    }),
  );
});

test("a cursor counts for more than where a fresh client begins", () => {
  fc.assert(
    fc.property(anyLog, fc.nat({ max: 50 }), (log, seq) => {
      const cursor = makeId(EPOCH, seq);
      const located = resolveCursor(log, cursor, "start");
      expect(resolveCursor(log, cursor, "now")).toEqual(located);
      expect(resolveCursor(log, cursor, "held")).toEqual(located);
    }),
  );
});

test("a client without a cursor begins at the start, and is told what is missing of it", () => {
  fc.assert(
    fc.property(anyLog, (log) => {
      expect(resolveCursor(log, undefined, "start")).toEqual(expectedAfter(log, 0));
    }),
  );
});

test("a client that wants what comes now, or whatever is held, misses nothing that it was promised", () => {
  fc.assert(
    fc.property(anyLog, (log) => {
      expect(resolveCursor(log, undefined, "now")).toEqual({ next: log.last + 1, reset: undefined });
      expect(resolveCursor(log, undefined, "held")).toEqual({ next: log.first, reset: undefined });
    }),
  );
});

test("of 150 missed events with 100 held, exactly the first 50 are told lost", () => {
  expect(resolveCursor({ epoch: EPOCH, first: 51, last: 150 }, makeId(EPOCH, 0), "start")).toEqual({
    next: 51,
    reset: { reason: "trimmed", lost: [1, 50] },
  });
});

test("a cursor of another life, from the future, or of no form starts over with all that is held", () => {
  fc.assert(
    fc.property(anyLog, fc.integer({ min: 1, max: 10 }), fc.nat({ max: 50 }), (log, beyond, seq) => {
      const startsOver = (reason: string): unknown => ({ next: log.first, reset: { reason, lost: null } });
      expect(resolveCursor(log, makeId(OTHER_EPOCH, seq), "now")).toEqual(startsOver("epoch"));
      expect(resolveCursor(log, makeId(EPOCH, log.last + beyond), "now")).toEqual(startsOver("ahead"));
      for (const invalid of [
        makeTerminalId(EPOCH, seq),
        "",
        "0",
        `${EPOCH}.01`,
        "x".repeat(65),
        "x".repeat(1e6),
      ]) {
        expect(resolveCursor(log, invalid, "now")).toEqual(startsOver("invalid"));
      }
    }),
  );
});

test("no cursor at all can break the arithmetic", () => {
  fc.assert(
    fc.property(anyLog, anyText, (log, cursor) => {
      const { next, reset } = resolveCursor(log, cursor, "start");
      expect(next).toBe(log.first);
      expect(reset).toEqual({ reason: "invalid", lost: null });
    }),
  );
});

test("a reader whose next event was forgotten has lost everything up to the first that is held", () => {
  expect(trimmed({ epoch: EPOCH, first: 8, last: 9 }, 3)).toEqual({ reason: "trimmed", lost: [3, 7] });
});

test("the id before an event is a cursor that leads back to it", () => {
  fc.assert(
    fc.property(anyLog, (log) => {
      for (let next = log.first; next <= log.last + 1; next++) {
        expect(resolveCursor(log, idBefore(log, next), "now")).toEqual({ next, reset: undefined });
      }
    }),
  );
});

test("only the id of a terminal record says that a client must not come back", () => {
  expect(isTerminal(makeTerminalId(OTHER_EPOCH, 0))).toBe(true);
  expect(isTerminal(makeTerminalId(EPOCH, Number.MAX_SAFE_INTEGER))).toBe(true);
  for (const cursor of [undefined, "", ".end", makeId(EPOCH, 3), "3.end", `${"a".repeat(64)}.1.end`]) {
    expect(isTerminal(cursor)).toBe(false);
  }
});
