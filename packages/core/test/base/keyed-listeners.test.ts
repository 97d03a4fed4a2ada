import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { createKeyedListeners } from "../../src/base/keyed-listeners.ts";

type Step =
  | { readonly do: "wait"; readonly key: string; readonly inside: readonly Step[] }
  | { readonly do: "stop"; readonly which: number }
  | { readonly do: "resolve"; readonly key: string };

const anyKey = fc.constantFrom("a", "b", "__proto__");
const anyStep = fc.letrec<{ step: Step }>((tie) => ({
  step: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ do: fc.constant("stop" as const), which: fc.nat({ max: 20 }) }),
    fc.record({ do: fc.constant("resolve" as const), key: anyKey }),
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("wait" as const),
        key: anyKey,
        inside: fc.array(tie("step"), { maxLength: 3 }),
      }),
    },
  ),
})).step;

test("everyone who waits when the key is resolved is called once, in order, whatever the called ones do", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 20, size: "max" }), (steps) => {
      const waiters = createKeyedListeners<object>();
      type Waiter = { key: string; state: "waiting" | "stopped" | "called"; stop: () => void };
      const all: Waiter[] = [];
      /** Whom the running resolutions have still to call, the innermost last. */
      const turns: { value: object; queue: Waiter[] }[] = [];
      const waiting = (): Waiter[] => all.filter(({ state }) => state === "waiting");

      function perform(step: Step): void {
        if (step.do === "wait") {
          const waiter: Waiter = { key: step.key, state: "waiting", stop: () => undefined };
          all.push(waiter);
          waiter.stop = waiters.add(step.key, (value) => {
            const turn = turns.at(-1);
            expect(turn?.queue.shift()).toBe(waiter);
            expect(turn?.value).toBe(value);
            waiter.state = "called";
            expect(waiters.size).toBe(waiting().length);
            step.inside.forEach(perform);
          });
        } else if (step.do === "stop") {
          const waiter = all[step.which % all.length];
          if (waiter?.state === "waiting") {
            waiter.state = "stopped";
            for (const { queue } of turns) if (queue.includes(waiter)) queue.splice(queue.indexOf(waiter), 1);
          }
          waiter?.stop();
        } else {
          const value = {};
          const promised = new Set(turns.flatMap(({ queue }) => queue));
          const queue = waiting().filter((waiter) => waiter.key === step.key && !promised.has(waiter));
          turns.push({ value, queue });
          waiters.notify(step.key, value);
          expect(turns.pop()?.queue).toEqual([]);
        }
        expect(waiters.size).toBe(waiting().length);
      }

      steps.forEach(perform);
    }),
    { numRuns: 500 },
  );
});

test("who comes after the resolution waits for the next one", () => {
  const waiters = createKeyedListeners<number>();
  const found = vi.fn<(value: number) => void>();
  waiters.notify("a", 1);
  waiters.add("a", found);
  expect(found).not.toHaveBeenCalled();
  waiters.notify("a", 2);
  waiters.notify("a", 3);
  expect(found.mock.calls).toEqual([[2]]);
  expect(waiters.size).toBe(0);
});

test("who comes during a resolution is not lost when another one stops", () => {
  const waiters = createKeyedListeners<number>();
  const found = vi.fn<(value: number) => void>();
  waiters.add("a", () => {
    waiters.add("a", found);
    stop();
  });
  const stop = waiters.add("a", () => undefined);
  waiters.notify("a", 1);
  waiters.notify("a", 2);
  expect(found.mock.calls).toEqual([[2]]);
});

test("one stop too many never reaches somebody else under the same key", () => {
  const waiters = createKeyedListeners<number>();
  const stop = waiters.add("a", () => undefined);
  stop();
  const found = vi.fn<(value: number) => void>();
  waiters.add("a", found);
  stop();
  waiters.notify("a", 1);
  expect(found).toHaveBeenCalledOnce();
});
