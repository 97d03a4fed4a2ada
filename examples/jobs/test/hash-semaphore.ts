import { type FileHash, hashFile } from "../hash-file.ts";

/** Limits how many files a job can hash, so that a test can stop the job halfway. */
export class HashSemaphore {
  #permits = 0;
  readonly #waiting = new Set<() => void>();

  /** Hashes a file when there is a permit for it. */
  readonly hashFile = async (path: string, signal: AbortSignal): Promise<FileHash> => {
    await this.#acquire(signal);
    return hashFile(path, signal);
  };

  /** Allows so many more files. */
  release(files: number): void {
    this.#permits += files;
    for (const tryAcquire of this.#waiting) tryAcquire();
  }

  releaseAll(): void {
    this.release(Infinity);
  }

  #acquire(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const tryAcquire = (): void => {
        if (this.#permits === 0 && !signal.aborted) return;
        if (!signal.aborted) this.#permits--;
        this.#waiting.delete(tryAcquire);
        signal.removeEventListener("abort", tryAcquire);
        resolve();
      };
      this.#waiting.add(tryAcquire);
      signal.addEventListener("abort", tryAcquire);
      tryAcquire();
    });
  }
}
