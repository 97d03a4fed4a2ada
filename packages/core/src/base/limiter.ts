import type { Clock } from "./clock.ts";

export interface QueueOptions {
  readonly clock: Clock;
  /** How many jobs run at most. */
  readonly atOnce: number;
  /** How long a job that was given up takes its place at most, in ms. */
  readonly fadesAfter: number;
}

interface Job {
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly controller: AbortController;
  /** Until when it takes its place, settled or not. */
  until: number;
}

/**
 * Jobs in the order they came, so many at once. One that is given up takes its place until it settles, for it may not
 * have heard of it; but not for ever, for it may never settle.
 */
export class Queue {
  readonly #options: QueueOptions;
  readonly #waiting = new Set<Job>();
  readonly #running = new Set<Job>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /**
   * Runs a job in its turn, at once if there is room. Returns how to give it up, as long as it has not settled: it
   * leaves the queue, or its signal aborts (idempotent).
   *
   * @param run MUST NOT reject
   */
  add(run: (signal: AbortSignal) => Promise<void>): () => void {
    const job: Job = { run, controller: new AbortController(), until: Infinity };
    this.#waiting.add(job);
    this.#letIn();
    return () => this.#giveUp(job);
  }

  #letIn(): void {
    const { clock, atOnce } = this.#options;
    for (const job of this.#running) if (job.until <= clock.now()) this.#running.delete(job);
    for (const job of this.#waiting) {
      if (this.#running.size >= atOnce) break;
      this.#waiting.delete(job);
      void this.#run(job);
    }
    this.#cancelTimer?.();
    if (this.#waiting.size === 0) return;
    const fades = Math.min(...Array.from(this.#running, ({ until }) => until));
    if (fades < Infinity) this.#cancelTimer = clock.after(fades - clock.now(), () => this.#letIn());
  }

  async #run(job: Job): Promise<void> {
    this.#running.add(job);
    await job.run(job.controller.signal);
    if (this.#running.delete(job)) this.#letIn();
  }

  #giveUp(job: Job): void {
    if (!this.#waiting.delete(job)) {
      if (!this.#running.has(job) || job.controller.signal.aborted) return;
      const { clock, fadesAfter } = this.#options;
      job.until = clock.now() + fadesAfter;
      job.controller.abort();
    }
    this.#letIn();
  }
}
