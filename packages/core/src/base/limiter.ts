import type { Clock } from "./clock.ts";

export interface LimiterOptions {
  readonly clock: Clock;
  /** How many jobs run at most. */
  readonly concurrency: number;
  /** How long a task that was given up takes its place at most, in ms. */
  readonly abandonAfter: number;
}

interface Task {
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly controller: AbortController;
  /** Until when it takes its place, settled or not. */
  until: number;
}

/**
 * Jobs in the order they came, so many at once. One that is given up takes its place until it settles, for it may not
 * have heard of it; but not for ever, for it may never settle.
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
   * Runs a task in its turn, at once if there is room. Returns how to give it up, as long as it has not settled: it
   * leaves the queue, or its signal aborts (idempotent).
   *
   * @param run MUST NOT reject
   */
  add(run: (signal: AbortSignal) => Promise<void>): () => void {
    const task: Task = { run, controller: new AbortController(), until: Infinity };
    this.#waiting.add(task);
    this.#letIn();
    return () => this.#giveUp(task);
  }

  #letIn(): void {
    const { clock, concurrency } = this.#options;
    for (const task of this.#running) if (task.until <= clock.now()) this.#running.delete(task);
    for (const task of this.#waiting) {
      if (this.#running.size >= concurrency) break;
      this.#waiting.delete(task);
      void this.#run(task);
    }
    this.#cancelTimer?.();
    if (this.#waiting.size === 0) return;
    const fades = Math.min(...Array.from(this.#running, ({ until }) => until));
    if (fades < Infinity) this.#cancelTimer = clock.after(fades - clock.now(), () => this.#letIn());
  }

  async #run(task: Task): Promise<void> {
    this.#running.add(task);
    await task.run(task.controller.signal);
    if (this.#running.delete(task)) this.#letIn();
  }

  #giveUp(task: Task): void {
    if (!this.#waiting.delete(task)) {
      if (!this.#running.has(task) || task.controller.signal.aborted) return;
      const { clock, abandonAfter } = this.#options;
      task.until = clock.now() + abandonAfter;
      task.controller.abort();
    }
    this.#letIn();
  }
}
