import type { StreamReader } from "./stream.ts";

/**
 * The readers of a stream, the oldest first. Most streams have one at most, which is held without a set: that is two
 * objects less to touch for each event.
 */
export class Readers {
  #first: StreamReader | undefined;
  #others: Set<StreamReader> | undefined;

  get size(): number {
    return (this.#first === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  has(reader: StreamReader): boolean {
    return this.#first === reader || this.#others?.has(reader) === true;
  }

  add(reader: StreamReader): void {
    if (this.has(reader)) return;
    if (this.size === 0) this.#first = reader;
    else (this.#others ??= new Set()).add(reader);
  }

  /** Returns whether it was one of them. */
  delete(reader: StreamReader): boolean {
    if (this.#first !== reader) return this.#others?.delete(reader) === true;
    this.#first = undefined;
    return true;
  }

  /** Wakes all; one that is added meanwhile may be woken too. */
  wake(): void {
    this.#first?.wake();
    if (this.#others !== undefined) for (const reader of this.#others) reader.wake();
  }

  /** A copy, for a loop that changes them. */
  list(): StreamReader[] {
    const others = Array.from(this.#others ?? []);
    return this.#first === undefined ? others : [this.#first, ...others];
  }
}
