/** Holds whoever comes until it is opened, or until their signal aborts. */
export class Gate {
  #waiting = new Set<() => void>();

  get waiting(): number {
    return this.#waiting.size;
  }

  readonly pass = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(resolve);
        reject(signal.reason);
      };
      this.#waiting.add(resolve);
      signal.addEventListener("abort", leave);
    });

  /** Lets by who waits now. */
  open(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
