import type { StreamReader } from "./stream.ts";

/**
 * The readers of a stream, the oldest first. Most streams have one at most, which is held without a set: that is two
 * objects less to touch for each event.
 */
export class Readers {
  #only: StreamReader | undefined;
  #all: Set<StreamReader> | undefined;

  get size(): number {
    return this.#all?.size ?? (this.#only === undefined ? 0 : 1);
  }

  has(reader: StreamReader): boolean {
    return this.#all?.has(reader) ?? this.#only === reader;
  }

  add(reader: StreamReader): void {
    if (this.#all !== undefined) this.#all.add(reader);
    else if (this.#only === undefined) this.#only = reader;
    else if (this.#only !== reader) {
      this.#all = new Set([this.#only, reader]);
      this.#only = undefined;
    }
  }

  /** Returns whether it was one of them. */
  delete(reader: StreamReader): boolean {
    if (this.#all === undefined) {
      if (this.#only !== reader) return false;
      this.#only = undefined;
      return true;
    }
    const isOne = this.#all.delete(reader);
    if (this.#all.size === 0) this.#all = undefined;
    return isOne;
  }

  /** Wakes all; one that is added meanwhile may be woken too. */
  wake(): void {
    if (this.#all === undefined) this.#only?.wake();
    else for (const reader of this.#all) reader.wake();
  }

  /** A copy, for a loop that changes them. */
  list(): StreamReader[] {
    if (this.#all !== undefined) return [...this.#all];
    return this.#only === undefined ? [] : [this.#only];
  }
}
