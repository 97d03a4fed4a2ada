import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import { type AbortTarget, bridgeAbort } from "../../src/base/abort-bridge.ts";
import { createLatch, type Latch } from "../../src/base/latch.ts";

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;
const abortable = (): AbortTarget & { abort: ReturnType<typeof vi.fn<(reason: unknown) => void>> } => ({
  abort: vi.fn<(reason: unknown) => void>(),
});

test("an abort closes the latch with the signal's reason, and leaves no listener", () => {
  const peer = new AbortController();
  const latch = createLatch();
  bridgeAbort(peer.signal, latch);
  expect(listeners(peer.signal)).toBe(1);
  peer.abort("gone");
  expect(latch).toMatchObject({ closed: true, reason: "gone" });
  expect(listeners(peer.signal)).toBe(0);
});

test("anything that can be aborted will do", () => {
  const [peer, target] = [new AbortController(), new AbortController()];
  bridgeAbort(peer.signal, target);
  peer.abort("gone");
  expect(target.signal.reason).toBe("gone");
  expect(listeners(peer.signal)).toBe(0);
});

test("a signal that aborted before it was bound fires at once, and is not listened to", () => {
  const signal = AbortSignal.abort("gone");
  const latch = createLatch();
  bridgeAbort(signal, latch)();
  expect(latch).toMatchObject({ closed: true, reason: "gone" });
  const target = abortable();
  bridgeAbort(signal, target);
  expect(target.abort.mock.calls).toEqual([["gone"]]);
  expect(listeners(signal)).toBe(0);
});

test("nothing happens to a target that is over, before or after it was bound", () => {
  for (const over of [{ closed: true }, { aborted: true }]) {
    const peer = new AbortController();
    const [early, late] = [{ ...abortable(), ...over }, abortable()];
    bridgeAbort(peer.signal, early);
    expect(listeners(peer.signal)).toBe(0);
    bridgeAbort(peer.signal, late);
    Object.assign(late, over);
    peer.abort();
    bridgeAbort(peer.signal, early);
    expect(early.abort).not.toHaveBeenCalled();
    expect(late.abort).not.toHaveBeenCalled();
  }
});

test("a latch that is closed keeps its reason", () => {
  const latch = createLatch();
  latch.close("ended");
  bridgeAbort(AbortSignal.abort("gone"), latch);
  expect(latch.reason).toBe("ended");
});

test("a latch that closes takes its listener away", () => {
  const { signal } = new AbortController();
  const latch = createLatch();
  bridgeAbort(signal, latch);
  latch.close();
  expect(listeners(signal)).toBe(0);
});

test("a detached target is not reached any more, and detaching twice or late is fine", () => {
  const peer = new AbortController();
  const target = abortable();
  const detach = bridgeAbort(peer.signal, target);
  detach();
  detach();
  expect(listeners(peer.signal)).toBe(0);
  peer.abort();
  detach();
  expect(target.abort).not.toHaveBeenCalled();
});

test("a detached signal is not kept by the latch either, however long that lives", () => {
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

test("no signal is no bridge", () => {
  bridgeAbort(undefined, createLatch())();
  expect.assertions(0);
});
