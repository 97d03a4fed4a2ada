import { afterEach, describe, expect, test, vi } from "vitest";
import { type Clock, systemClock } from "../../src/base/clock.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const timersThatKeepTheProcess = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;

test("time never decreases", () => {
  const before = systemClock.now();
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
});

test("a timer does not keep the process alive", () => {
  const before = timersThatKeepTheProcess();
  const ordinary = setTimeout(() => undefined, 60_000);
  expect(timersThatKeepTheProcess()).toBe(before + 1);
  const cancel = systemClock.after(60_000, () => undefined);
  expect(timersThatKeepTheProcess()).toBe(before + 1);
  cancel();
  clearTimeout(ordinary);
});

test("a timer fires once, after its delay", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const fire = vi.fn<() => void>();
  systemClock.after(100, fire);
  vi.advanceTimersByTime(99);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(fire).toHaveBeenCalledOnce();
});

test("a cancelled timer never fires, and it may be cancelled twice or late", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const fire = vi.fn<() => void>();
  const cancel = systemClock.after(100, fire);
  cancel();
  cancel();
  const cancelLate = systemClock.after(50, () => undefined);
  vi.advanceTimersByTime(1_000);
  cancelLate();
  expect(fire).not.toHaveBeenCalled();
});

test.each([
  [2 ** 31, 2 ** 31 - 1],
  [99_999_999_999, 2 ** 31 - 1],
  [Infinity, 2 ** 31 - 1],
  [2 ** 31 - 1, 2 ** 31 - 1],
  [-5, 0],
])("a delay that is too long for a timer is clamped instead of firing at once: %d", (ms, delay) => {
  const setTimer = vi.spyOn(globalThis, "setTimeout");
  systemClock.after(ms, () => undefined)();
  expect(setTimer.mock.lastCall?.[1]).toBe(delay);
});

/** The order in which code runs around a callback of `schedule`, which is called first. */
async function orderAround(schedule: Clock["soon"], name: string): Promise<string[]> {
  const order: string[] = [];
  const done = new Promise<void>((resolve) => {
    schedule(() => {
      order.push(name);
      resolve();
    });
  });
  void Promise.resolve()
    .then(() => order.push("resolved"))
    .then(() => queueMicrotask(() => order.push("microtask of a microtask")));
  order.push("running");
  await done;
  return order;
}

test("soon runs after everything that is already running or resolved", async () => {
  expect(await orderAround((fn) => systemClock.soon(fn), "soon")).toEqual([
    "running",
    "resolved",
    "microtask of a microtask",
    "soon",
  ]);
});

test("soon does the same in a runtime without setImmediate", async () => {
  vi.stubGlobal("setImmediate", undefined);
  vi.resetModules();
  const reloaded = await import("../../src/base/clock.ts");
  vi.unstubAllGlobals();
  const setTimer = vi.spyOn(globalThis, "setTimeout");
  const order = await orderAround((fn) => reloaded.systemClock.soon(fn), "soon");
  expect(order).toEqual(["running", "resolved", "microtask of a microtask", "soon"]);
  expect(setTimer).toHaveBeenCalledOnce();
});

test("soon does the same in a runtime that throws when its function is called as a method of another object", async () => {
  const original = setImmediate;
  vi.stubGlobal("setImmediate", function (this: unknown, fn: () => void) {
    if (this !== undefined && this !== globalThis) throw new TypeError("Illegal invocation");
    original(fn);
  });
  vi.resetModules();
  const reloaded = await import("../../src/base/clock.ts");
  vi.unstubAllGlobals();
  const order = await orderAround((fn) => reloaded.systemClock.soon(fn), "soon");
  expect(order).toEqual(["running", "resolved", "microtask of a microtask", "soon"]);
});

describe("next", () => {
  const next: Clock["soon"] = (fn) => systemClock.next?.(fn);

  test("runs after everything that is already running or resolved", async () => {
    expect(await orderAround(next, "next")).toEqual([
      "running",
      "resolved",
      "microtask of a microtask",
      "next",
    ]);
  });

  test("runs before the next macrotask", async () => {
    const order: string[] = [];
    const done = new Promise<void>((resolve) => {
      setImmediate(() => {
        order.push("macrotask");
        resolve();
      });
    });
    next(() => order.push("next"));
    await done;
    expect(order).toEqual(["next", "macrotask"]);
  });

  test("is missing in a runtime without nextTick", async () => {
    vi.stubGlobal("process", { ...process, nextTick: undefined });
    vi.resetModules();
    const reloaded = await import("../../src/base/clock.ts");
    vi.unstubAllGlobals();
    expect(reloaded.systemClock).not.toHaveProperty("next");
  });
});
