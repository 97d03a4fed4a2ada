/** Lets a limited number of calls run at the same time. The others wait in line. */
export class CallLimit {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Calls `start` as soon as there is a place: at once, or when another call leaves. Returns how to leave, or to leave the
   * line (idempotent).
   */
  enter(start: () => void): () => void {
    let isRunning = false;
    const run = (): void => {
      isRunning = true;
      this.#running++;
      start();
    };
    if (this.#running < this.#limit) run();
    else this.#waiting.add(run);
    return () => {
      if (this.#waiting.delete(run) || !isRunning) return;
      isRunning = false;
      this.#running--;
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      next();
    };
  }
}
