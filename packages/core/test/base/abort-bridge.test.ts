import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import { type AbortTarget, bridgeAbort } from "../../src/base/abort-bridge.ts";
import { createLatch, type Latch } from "../../src/base/latch.ts";

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;
const abortable = (): AbortTarget & { abort: ReturnType<typeof vi.fn<(reason: unknown) => void>> } => ({
  abort: vi.fn<(reason: unknown) => void>(),
});

test("an abort closes the latch with the signal's reason, and removes the listener", () => {
  const controller = new AbortController();
  const latch = createLatch();
  bridgeAbort(controller.signal, latch);
  expect(listeners(controller.signal)).toBe(1);
  controller.abort("gone");
  expect(latch).toMatchObject({ closed: true, reason: "gone" });
  expect(listeners(controller.signal)).toBe(0);
});

test("an abort aborts a target that is not a latch", () => {
  const [controller, target] = [new AbortController(), new AbortController()];
  bridgeAbort(controller.signal, target);
  controller.abort("gone");
  expect(target.signal.reason).toBe("gone");
  expect(listeners(controller.signal)).toBe(0);
});

test("a signal that has already aborted takes effect at once, and gets no listener", () => {
  const signal = AbortSignal.abort("gone");
  const latch = createLatch();
  bridgeAbort(signal, latch)();
  expect(latch).toMatchObject({ closed: true, reason: "gone" });
  const target = abortable();
  bridgeAbort(signal, target);
  expect(target.abort.mock.calls).toEqual([["gone"]]);
  expect(listeners(signal)).toBe(0);
});

test("a target that is closed or aborted is left alone, also if that happened after the call", () => {
  for (const over of [{ closed: true }, { aborted: true }]) {
    const controller = new AbortController();
    const [early, late] = [{ ...abortable(), ...over }, abortable()];
    bridgeAbort(controller.signal, early);
    expect(listeners(controller.signal)).toBe(0);
    bridgeAbort(controller.signal, late);
    Object.assign(late, over);
    controller.abort();
    bridgeAbort(controller.signal, early);
    expect(early.abort).not.toHaveBeenCalled();
    expect(late.abort).not.toHaveBeenCalled();
  }
});

test("a closed latch keeps its own reason", () => {
  const latch = createLatch();
  latch.close("ended");
  bridgeAbort(AbortSignal.abort("gone"), latch);
  expect(latch.reason).toBe("ended");
});

test("the listener is removed when the latch closes", () => {
  const { signal } = new AbortController();
  const latch = createLatch();
  bridgeAbort(signal, latch);
  latch.close();
  expect(listeners(signal)).toBe(0);
});

test("the returned function removes the listener, and may be called twice or late", () => {
  const controller = new AbortController();
  const target = abortable();
  const unbridge = bridgeAbort(controller.signal, target);
  unbridge();
  unbridge();
  expect(listeners(controller.signal)).toBe(0);
  controller.abort();
  unbridge();
  expect(target.abort).not.toHaveBeenCalled();
});

test("the returned function removes the clean-up from the latch too", () => {
  const latch = createLatch();
  let deferred = 0;
  const counting: Latch = {
    ...latch,
    closed: false,
    defer(cleanup) {
      deferred++;
      const undefer = latch.defer(cleanup);
      return () => {
        deferred--;
        undefer();
      };
    },
    close: (reason) => latch.close(reason),
  };
  bridgeAbort(new AbortController().signal, counting)();
  expect(deferred).toBe(0);
});

test("without a signal nothing happens", () => {
  bridgeAbort(undefined, createLatch())();
  expect.assertions(0);
});
