/** Blocks reads until a test releases them, or until their signal aborts. */
export class BlockedReads {
  #waiting = new Set<() => void>();

  /** Number of reads that are blocked now. */
  get count(): number {
    return this.#waiting.size;
  }

  readonly block = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.delete(resolve);
        reject(signal.reason);
      };
      this.#waiting.add(resolve);
      signal.addEventListener("abort", abort);
    });

  /** Releases the reads that are blocked now. */
  release(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
