import { check, checkCount } from "./check.ts";
import { HoldfastError } from "./errors.ts";

export interface RingBufferOptions<T> {
  /** How many items at most. */
  readonly count: number;
  /** How many bytes at most, summed over `sizeOf`. */
  readonly bytes: number;
  /** An item's size in bytes, an integer; asked once for each item. */
  readonly sizeOf: (item: T) => number;
}

/** The newest items of an endless sequence, numbered from 1. */
export interface RingBuffer<T> {
  /** The number of the oldest item held; `last + 1` when nothing is. */
  readonly first: number;
  /** The number of the newest item ever pushed; 0 before the first. */
  readonly last: number;
  /** The summed size of what is held. */
  readonly bytes: number;
  /** Adds an item, forgets the oldest until both bounds hold again, and returns the item's number. */
  push(item: T): number;
  /** The item of that number, or `undefined` where it is forgotten or yet to come. */
  get(number: number): T | undefined;
  /** Forgets everything and goes on behind that number, which MUST NOT be less than `last`. */
  skip(number: number): void;
}

/**
 * A ring buffer bounded by count and bytes. Every operation is O(1), amortised over pushes; room is made as it is needed.
 *
 * @throws `push`: `EVENT_TOO_LARGE` for an item that alone is over `bytes`; nothing is forgotten for it.
 */
export function createRingBuffer<T>({ count, bytes, sizeOf }: RingBufferOptions<T>): RingBuffer<T> {
  checkCount("count", count);
  checkCount("bytes", bytes);
  check(typeof sizeOf === "function", "sizeOf", "a function", sizeOf);
  let capacity = Math.min(count, 16);
  let items = new Array<T | undefined>(capacity);
  let sizes = new Array<number>(capacity);
  let first = 1;
  let last = 0;
  let held = 0;

  function forgetFirst(): void {
    const slot = first++ % capacity;
    held -= sizes[slot] as number;
    items[slot] = undefined;
  }

  function grow(): void {
    const old = { items, sizes, capacity };
    capacity = Math.min(count, capacity * 2);
    items = new Array<T | undefined>(capacity);
    sizes = new Array<number>(capacity);
    for (let number = first; number <= last; number++) {
      items[number % capacity] = old.items[number % old.capacity];
      sizes[number % capacity] = old.sizes[number % old.capacity] as number;
    }
  }

  return {
    get first() {
      return first;
    },
    get last() {
      return last;
    },
    get bytes() {
      return held;
    },
    push(item) {
      const size = sizeOf(item);
      check(Number.isSafeInteger(size) && size >= 0, "sizeOf(item)", "a non-negative integer", size);
      if (size > bytes) {
        throw new HoldfastError("EVENT_TOO_LARGE", `An item of ${size} bytes does not fit into ${bytes}.`);
      }
      while (held + size > bytes || last - first + 1 >= count) forgetFirst();
      if (last - first + 1 === capacity) grow();
      last++;
      items[last % capacity] = item;
      sizes[last % capacity] = size;
      held += size;
      return last;
    },
    get: (number) => (number >= first && number <= last ? items[number % capacity] : undefined),
    skip(number) {
      while (first <= last) forgetFirst();
      last = number;
      first = number + 1;
    },
  };
}
