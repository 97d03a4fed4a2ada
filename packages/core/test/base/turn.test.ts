import { expect, test, vi } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { Turn, turnOf, type TurnTask } from "../../src/base/turn.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";

const task = (runInTurn: () => void): TurnTask => ({ runInTurn });

function setUp(): { turn: Turn; order: string[]; noting: (name: string, more?: () => void) => TurnTask } {
  const order: string[] = [];
  const noting = (name: string, more?: () => void): TurnTask =>
    task(() => {
      order.push(name);
      more?.();
    });
  return { turn: new Turn(systemClock), order, noting };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("tasks run once, later, in the order of the calls, and those at the end behind all others", async () => {
  const { turn, order, noting } = setUp();
  turn.atEnd(noting("end"));
  turn.later(noting("first"));
  turn.later(noting("second"));
  expect(order).toEqual([]);
  await vi.waitFor(() => expect(order).toEqual(["first", "second", "end"]));
});

test("what the first step asks for is done at the end of the same turn", async () => {
  const ticks: number[] = [];
  let tick = 0;
  const turn = new Turn({ ...systemClock, next: (fn) => queueMicrotask(() => (tick++, fn())) });
  turn.later(task(() => turn.atEnd(task(() => ticks.push(tick)))));
  await nextTurn();
  expect(ticks).toEqual([1]);
});

test("what a task asks for beyond that is done in the next turn", async () => {
  const { turn, order, noting } = setUp();
  turn.later(noting("first", () => turn.later(noting("later"))));
  turn.atEnd(noting("end", () => turn.atEnd(noting("end again"))));
  await vi.waitFor(() => expect(order).toEqual(["first", "end", "later", "end again"]));
});

test("tasks that ask for each other do not starve timers and I/O", async () => {
  const { turn } = setUp();
  let isOver = false;
  const again = task(() => {
    if (!isOver) turn.later(again);
  });
  turn.later(again);
  await nextTurn();
  isOver = true;
  expect(isOver).toBe(true);
});

test("a task that throws costs no other, and its error is thrown behind them", async () => {
  const { turn, order, noting } = setUp();
  const thrown: (() => void)[] = [];
  vi.spyOn(globalThis, "queueMicrotask").mockImplementation((fn) => void thrown.push(fn));
  const broken = task(() => {
    throw new Error("broken");
  });
  turn.later(broken);
  turn.later(noting("first"));
  turn.atEnd(broken);
  turn.atEnd(noting("end"));
  await vi.waitFor(() => expect(order).toEqual(["first", "end"]));
  turn.later(noting("next"));
  await vi.waitFor(() => expect(order).toEqual(["first", "end", "next"]));
  vi.restoreAllMocks();
  expect(thrown).toHaveLength(2);
  for (const fn of thrown) expect(fn).toThrow("broken");
});

test("all who use a clock have the same turns, and another clock has others", () => {
  const clock = createFakeClock();
  expect(turnOf(clock)).toBe(turnOf(clock));
  expect(turnOf(clock)).not.toBe(turnOf(systemClock));
});
