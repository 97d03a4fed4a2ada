import { onTestFinished, vi } from "vitest";

/** Frames of a screen that come when a test says so. */
export interface FakeFrames {
  /** How many callbacks wait for a frame. */
  readonly pending: number;
  /** Shows one frame. */
  show(time: number): void;
}

/** Replaces the frames of the page. `setTimeout` is replaced as well: `vi.advanceTimersByTime` fires its timers. */
export function fakeFrames(): FakeFrames {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  let last = 0;
  let callbacks = new Map<number, (time: number) => void>();
  vi.stubGlobal("requestAnimationFrame", (callback: (time: number) => void) => {
    callbacks.set(++last, callback);
    return last;
  });
  vi.stubGlobal("cancelAnimationFrame", (id: number) => callbacks.delete(id));
  return {
    get pending() {
      return callbacks.size;
    },
    show(time) {
      const due = callbacks;
      callbacks = new Map();
      for (const callback of due.values()) callback(time);
    },
  };
}
