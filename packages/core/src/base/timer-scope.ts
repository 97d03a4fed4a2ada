import type { Clock } from "./clock.ts";

/** A clock whose timers can be cancelled together: after {@link stop} none is pending and none can be set. */
export class TimerScope implements Clock {
  readonly #clock: Clock;
  readonly #pending = new Set<() => void>();
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  after(ms: number, fn: () => void): () => void {
    if (this.#stopped) return () => undefined;
    const cancelTimer = this.#clock.after(ms, () => {
      this.#pending.delete(cancel);
      fn();
    });
    const cancel = (): void => {
      this.#pending.delete(cancel);
      cancelTimer();
    };
    this.#pending.add(cancel);
    return cancel;
  }

  /** Calls `fn` in the next macrotask, unless {@link stop} or the returned function is called before. */
  soon(fn: () => void): () => void {
    let cancelled = false;
    this.#clock.soon(() => {
      if (!cancelled && !this.#stopped) fn();
    });
    return () => {
      cancelled = true;
    };
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#pending) cancel();
  }
}
