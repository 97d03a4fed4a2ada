import type { Clock } from "./clock.ts";

export interface LimiterOptions {
  readonly clock: Clock;
  /** How many tasks may run at the same time. */
  readonly concurrency: number;
  /** After this many ms a cancelled task that has not settled no longer counts as running. */
  readonly abandonAfter: number;
}

interface Task {
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly controller: AbortController;
  /** Until when it counts as running even if it has not settled; Infinity unless it was cancelled. */
  countsUntil: number;
}

/**
 * Runs asynchronous tasks in the order in which they were added, a limited number at a time.
 *
 * A cancelled task counts as running until it settles, because it may ignore its signal; but only for `abandonAfter`,
 * because it may never settle.
 */
export class Limiter {
  readonly #options: LimiterOptions;
  readonly #waiting = new Set<Task>();
  readonly #running = new Set<Task>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: LimiterOptions) {
    this.#options = options;
  }

  /**
   * Adds a task. It starts at once if fewer than `concurrency` are running.
   *
   * @param run MUST NOT reject
   * @returns cancels the task (idempotent): removes it from the queue or, if it is running, aborts its signal
   */
  add(run: (signal: AbortSignal) => Promise<void>): () => void {
    const task: Task = { run, controller: new AbortController(), countsUntil: Infinity };
    this.#waiting.add(task);
    this.#startWaiting();
    return () => this.#cancel(task);
  }

  #startWaiting(): void {
    const { clock, concurrency } = this.#options;
    for (const task of this.#running) if (task.countsUntil <= clock.now()) this.#running.delete(task);
    for (const task of this.#waiting) {
      if (this.#running.size >= concurrency) break;
      this.#waiting.delete(task);
      void this.#run(task);
    }
    this.#cancelTimer?.();
    if (this.#waiting.size === 0) return;
    const next = Math.min(...Array.from(this.#running, ({ countsUntil }) => countsUntil));
    if (next < Infinity) this.#cancelTimer = clock.after(next - clock.now(), () => this.#startWaiting());
  }

  async #run(task: Task): Promise<void> {
    this.#running.add(task);
    await task.run(task.controller.signal);
    if (this.#running.delete(task)) this.#startWaiting();
  }

  #cancel(task: Task): void {
    if (!this.#waiting.delete(task)) {
      if (!this.#running.has(task) || task.controller.signal.aborted) return;
      const { clock, abandonAfter } = this.#options;
      task.countsUntil = clock.now() + abandonAfter;
      task.controller.abort();
    }
    this.#startWaiting();
  }
}
