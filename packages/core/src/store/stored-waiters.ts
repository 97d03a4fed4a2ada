interface Waiter {
  readonly number: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Those who wait until the store has the frames up to a number. */
export class StoredWaiters {
  #waiters: Waiter[] = [];

  /** Rejects with what {@link fail} is given if it is called before. */
  wait(number: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ number, resolve, reject }));
  }

  /** The store has everything up to `stored`. */
  advance(stored: number): void {
    if (this.#waiters.length === 0) return;
    const done = this.#waiters.filter(({ number }) => number <= stored);
    this.#waiters = this.#waiters.filter(({ number }) => number > stored);
    for (const { resolve } of done) resolve();
  }

  fail(error: unknown): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
}
