import { afterEach, describe, expect, test, vi } from "vitest";
import { type Clock, systemClock } from "../../src/base/clock.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const timersThatHoldTheProcess = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;

test("time does not go back", () => {
  const before = systemClock.now();
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
});

test("a timer never holds the process", () => {
  const before = timersThatHoldTheProcess();
  const ordinary = setTimeout(() => undefined, 60_000);
  expect(timersThatHoldTheProcess()).toBe(before + 1);
  const cancel = systemClock.after(60_000, () => undefined);
  expect(timersThatHoldTheProcess()).toBe(before + 1);
  cancel();
  clearTimeout(ordinary);
});

test("a timer fires once, when its time has come", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const fire = vi.fn<() => void>();
  systemClock.after(100, fire);
  vi.advanceTimersByTime(99);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(fire).toHaveBeenCalledOnce();
});

test("a cancelled timer never fires, and cancelling it twice or late is fine", () => {
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
])("a delay that overflows a timer is clamped instead of firing at once: %d", (ms, delay) => {
  const setTimer = vi.spyOn(globalThis, "setTimeout");
  systemClock.after(ms, () => undefined)();
  expect(setTimer.mock.lastCall?.[1]).toBe(delay);
});

/** In which order things come, when `ask` is asked first of all. */
async function orderAround(ask: Clock["soon"], name: string): Promise<string[]> {
  const order: string[] = [];
  const done = new Promise<void>((resolve) => {
    ask(() => {
      order.push(name);
      resolve();
    });
  });
  void Promise.resolve()
    .then(() => order.push("resolved"))
    .then(() => queueMicrotask(() => order.push("and what follows from it")));
  order.push("running");
  await done;
  return order;
}

test("soon comes after everything that is already running or resolved", async () => {
  expect(await orderAround((fn) => systemClock.soon(fn), "soon")).toEqual([
    "running",
    "resolved",
    "and what follows from it",
    "soon",
  ]);
});

test("it does so too in a runtime without setImmediate", async () => {
  vi.stubGlobal("setImmediate", undefined);
  vi.resetModules();
  const elsewhere = await import("../../src/base/clock.ts");
  vi.unstubAllGlobals();
  const setTimer = vi.spyOn(globalThis, "setTimeout");
  const order = await orderAround((fn) => elsewhere.systemClock.soon(fn), "soon");
  expect(order).toEqual(["running", "resolved", "and what follows from it", "soon"]);
  expect(setTimer).toHaveBeenCalledOnce();
});

test("it does so too in a runtime that refuses its own functions as methods of something else", async () => {
  const askRuntime = setImmediate;
  vi.stubGlobal("setImmediate", function (this: unknown, fn: () => void) {
    if (this !== undefined && this !== globalThis) throw new TypeError("Illegal invocation");
    askRuntime(fn);
  });
  vi.resetModules();
  const elsewhere = await import("../../src/base/clock.ts");
  vi.unstubAllGlobals();
  const order = await orderAround((fn) => elsewhere.systemClock.soon(fn), "soon");
  expect(order).toEqual(["running", "resolved", "and what follows from it", "soon"]);
});

describe("next", () => {
  const next: Clock["soon"] = (fn) => systemClock.next?.(fn);

  test("comes after everything that is already running or resolved", async () => {
    expect(await orderAround(next, "next")).toEqual([
      "running",
      "resolved",
      "and what follows from it",
      "next",
    ]);
  });

  test("comes before the next macrotask", async () => {
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

  test("is not there where the runtime cannot do that", async () => {
    vi.stubGlobal("process", { ...process, nextTick: undefined });
    vi.resetModules();
    const elsewhere = await import("../../src/base/clock.ts");
    vi.unstubAllGlobals();
    expect(elsewhere.systemClock).not.toHaveProperty("next");
  });
});
