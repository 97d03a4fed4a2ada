import { type FileHash, hashFile } from "../hash-file.ts";

/** Lets a job hash so many files and no more, so that a test can look at it halfway. */
export class Valve {
  #free = 0;
  readonly #waiting = new Set<() => void>();

  readonly hashFile = async (path: string, signal: AbortSignal): Promise<FileHash> => {
    await this.#turn(signal);
    return hashFile(path, signal);
  };

  let(files: number): void {
    this.#free += files;
    for (const pass of this.#waiting) pass();
  }

  open(): void {
    this.let(Infinity);
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const pass = (): void => {
        if (this.#free === 0 && !signal.aborted) return;
        if (!signal.aborted) this.#free--;
        this.#waiting.delete(pass);
        signal.removeEventListener("abort", pass);
        resolve();
      };
      this.#waiting.add(pass);
      signal.addEventListener("abort", pass);
      pass();
    });
  }
}
