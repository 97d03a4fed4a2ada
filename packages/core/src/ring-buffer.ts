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
  /** Where the oldest item is. Places are counted and never divided out of numbers, which costs more than the rest. */
  let head = 0;

  function placeOf(number: number): number {
    const place = head + (number - first);
    return place < capacity ? place : place - capacity;
  }

  function forgetFirst(): void {
    held -= sizes[head] as number;
    items[head] = undefined;
    head = head + 1 === capacity ? 0 : head + 1;
    first++;
  }

  function grow(): void {
    items = items.slice(head).concat(items.slice(0, head));
    sizes = sizes.slice(head).concat(sizes.slice(0, head));
    capacity = Math.min(count, capacity * 2);
    items.length = capacity;
    sizes.length = capacity;
    head = 0;
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
      const place = placeOf(last);
      items[place] = item;
      sizes[place] = size;
      held += size;
      return last;
    },
    get: (number) => (number >= first && number <= last ? items[placeOf(number)] : undefined),
  };
}
