import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { createKeyedListeners } from "../../src/base/keyed-listeners.ts";

type Step =
  /** `inside` is performed when the listener is called. */
  | { readonly do: "add"; readonly key: string; readonly inside: readonly Step[] }
  | { readonly do: "remove"; readonly which: number }
  | { readonly do: "notify"; readonly key: string };

const anyKey = fc.constantFrom("a", "b", "__proto__");
const anyStep = fc.letrec<{ step: Step }>((tie) => ({
  step: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ do: fc.constant("remove" as const), which: fc.nat({ max: 20 }) }),
    fc.record({ do: fc.constant("notify" as const), key: anyKey }),
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("add" as const),
        key: anyKey,
        inside: fc.array(tie("step"), { maxLength: 3 }),
      }),
    },
  ),
})).step;

test("`notify` calls each listener of its key once, in order, whatever the listeners do", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 20, size: "max" }), (steps) => {
      const listeners = createKeyedListeners<object>();
      type Added = { key: string; state: "added" | "removed" | "called"; remove: () => void };
      const all: Added[] = [];
      /** The calls of `notify` that are running, the innermost last, with the listeners that each has still to call. */
      const running: { value: object; queue: Added[] }[] = [];
      const added = (): Added[] => all.filter(({ state }) => state === "added");

      function perform(step: Step): void {
        if (step.do === "add") {
          const one: Added = { key: step.key, state: "added", remove: () => undefined };
          all.push(one);
          one.remove = listeners.add(step.key, (value) => {
            const call = running.at(-1);
            expect(call?.queue.shift()).toBe(one);
            expect(call?.value).toBe(value);
            one.state = "called";
            expect(listeners.size).toBe(added().length);
            step.inside.forEach(perform);
          });
        } else if (step.do === "remove") {
          const one = all[step.which % all.length];
          if (one?.state === "added") {
            one.state = "removed";
            for (const { queue } of running) if (queue.includes(one)) queue.splice(queue.indexOf(one), 1);
          }
          one?.remove();
        } else {
          const value = {};
          const queued = new Set(running.flatMap(({ queue }) => queue));
          const queue = added().filter((one) => one.key === step.key && !queued.has(one));
          running.push({ value, queue });
          listeners.notify(step.key, value);
          expect(running.pop()?.queue).toEqual([]);
        }
        expect(listeners.size).toBe(added().length);
      }

      steps.forEach(perform);
    }),
    { numRuns: 500 },
  );
});

test("a listener that is added after `notify` is called by the next one", () => {
  const listeners = createKeyedListeners<number>();
  const listener = vi.fn<(value: number) => void>();
  listeners.notify("a", 1);
  listeners.add("a", listener);
  expect(listener).not.toHaveBeenCalled();
  listeners.notify("a", 2);
  listeners.notify("a", 3);
  expect(listener.mock.calls).toEqual([[2]]);
  expect(listeners.size).toBe(0);
});

test("a listener that is added during `notify` stays when another one is removed", () => {
  const listeners = createKeyedListeners<number>();
  const listener = vi.fn<(value: number) => void>();
  listeners.add("a", () => {
    listeners.add("a", listener);
    remove();
  });
  const remove = listeners.add("a", () => undefined);
  listeners.notify("a", 1);
  listeners.notify("a", 2);
  expect(listener.mock.calls).toEqual([[2]]);
});

test("removing a listener twice does not remove another one of the same key", () => {
  const listeners = createKeyedListeners<number>();
  const remove = listeners.add("a", () => undefined);
  remove();
  const listener = vi.fn<(value: number) => void>();
  listeners.add("a", listener);
  remove();
  listeners.notify("a", 1);
  expect(listener).toHaveBeenCalledOnce();
});
