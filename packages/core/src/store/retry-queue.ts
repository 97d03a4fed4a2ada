import { backoff } from "../base/backoff.ts";
import type { Runtime } from "../protocol/runtime.ts";

/** At most one retry a second, on average two, however many wait. */
const DELAY = { base: 100, cap: 1_000 };
/** How many more may try for each one that has reached the store. */
const RELEASED = 2;

/**
 * Those whose write has failed in an outage, and who try again one at a time. Each one that reaches the store lets two more
 * try. So an outage costs a few calls, however many wait, and they are all back soon after its end.
 */
export class RetryQueue {
  readonly #runtime: Pick<Runtime, "clock" | "random">;
  readonly #waiting = new Set<() => void>();
  readonly #delay = backoff(DELAY);
  #attempts = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(runtime: Pick<Runtime, "clock" | "random">) {
    this.#runtime = runtime;
  }

  /** Calls `retry` once, when it is its turn. Returns how to leave (idempotent). */
  add(retry: () => void): () => void {
    // A function of its own: the same one may be added twice.
    const entry = (): void => retry();
    this.#waiting.add(entry);
    this.#schedule();
    return () => {
      this.#waiting.delete(entry);
      if (this.#waiting.size > 0) return;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    };
  }

  /** One that had waited has reached the store. */
  release(): void {
    this.#attempts = 0;
    for (let count = 0; count < RELEASED; count++) this.#retryNext();
  }

  #schedule(): void {
    if (this.#cancelTimer !== undefined || this.#waiting.size === 0) return;
    const { clock, random } = this.#runtime;
    this.#cancelTimer = clock.after(this.#delay(this.#attempts++, random()), () => {
      this.#cancelTimer = undefined;
      this.#retryNext();
      // Not behind its answer, which may never come.
      this.#schedule();
    });
  }

  #retryNext(): void {
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }
}
