import type { Clock } from "./clock.ts";

/** A clock whose timers all go at once: after {@link stop} nothing of it is pending, and nothing is set any more. */
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
    const disarm = this.#clock.after(ms, () => {
      this.#pending.delete(cancel);
      fn();
    });
    const cancel = (): void => {
      this.#pending.delete(cancel);
      disarm();
    };
    this.#pending.add(cancel);
    return cancel;
  }

  soon(fn: () => void): void {
    this.#clock.soon(() => {
      if (!this.#stopped) fn();
    });
  }

  /** Like `soon`, and can be cancelled as a timer can. */
  shortly(fn: () => void): () => void {
    let cancelled = false;
    this.soon(() => {
      if (!cancelled) fn();
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
