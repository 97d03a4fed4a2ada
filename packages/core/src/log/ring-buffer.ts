import { check, checkCount, invalidOption } from "../base/validate.ts";
import { HoldfastError } from "../base/errors.ts";

/** Options of {@link createRingBuffer}; all are required. */
export interface RingBufferOptions<T> {
  /** The buffer holds at most this many items: a positive integer, or `Infinity`. */
  readonly count: number;
  /** The sizes of its items are at most this much together: a positive integer, or `Infinity`. */
  readonly bytes: number;
  /** The size of an item in bytes, a non-negative integer; called once for each item. */
  readonly sizeOf: (item: T) => number;
}

/** The newest items of an endless sequence, numbered from 1. */
export interface RingBuffer<T> {
  /** The number of the oldest item in the buffer; `last + 1` when it is empty. */
  readonly first: number;
  /** The number of the newest item ever pushed; 0 before the first. */
  readonly last: number;
  /** The size of all items in the buffer. */
  readonly bytes: number;
  /**
   * Adds an item, drops the oldest ones until both bounds hold, and returns the item's number.
   *
   * @throws `EVENT_TOO_LARGE` for an item larger than `bytes`, without dropping any; `INVALID_OPTION` when `sizeOf`
   * returns something else than a non-negative integer
   */
  push(item: T): number;
  /** The item with this number; `undefined` if it was dropped or does not exist yet. */
  get(number: number): T | undefined;
  /** Drops the oldest item. Without effect on an empty buffer. */
  shift(): void;
  /** Drops all items; the next one has the number after `number`, which MUST NOT be less than `last`. */
  skip(number: number): void;
}

/**
 * Creates a ring buffer that is bounded by count and by bytes. Every operation is O(1), amortised over pushes; memory
 * is allocated as it is needed.
 *
 * @throws `INVALID_OPTION`
 *
 * @example
 * const lines = createRingBuffer<string>({ count: 1_000, bytes: 65_536, sizeOf: (line) => line.length });
 * lines.push("started"); // 1
 */
export function createRingBuffer<T>(options: RingBufferOptions<T>): RingBuffer<T> {
  const { count, bytes, sizeOf } = options;
  checkCount("count", count);
  checkCount("bytes", bytes);
  check(typeof sizeOf === "function", "sizeOf", "a function", sizeOf);
  return new Ring(options);
}

/** A class, because every object literal with accessors gets its own hidden class in V8, which is slow with many. */
class Ring<T> implements RingBuffer<T> {
  readonly #options: RingBufferOptions<T>;
  #capacity: number;
  #items: (T | undefined)[];
  #sizes: number[];
  #first = 1;
  #last = 0;
  #bytes = 0;
  /** The index of the oldest item. It is counted along: computing it with a division is the most expensive part. */
  #head = 0;

  constructor(options: RingBufferOptions<T>) {
    this.#options = options;
    this.#capacity = Math.min(options.count, 16);
    this.#items = new Array<T | undefined>(this.#capacity);
    this.#sizes = new Array<number>(this.#capacity);
  }

  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#last;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(item: T): number {
    const { count, bytes, sizeOf } = this.#options;
    const size = sizeOf(item);
    if (!Number.isSafeInteger(size) || size < 0) {
      throw invalidOption("sizeOf(item)", "a non-negative integer", size);
    }
    if (size > bytes) {
      throw new HoldfastError("EVENT_TOO_LARGE", `An item of ${size} bytes does not fit into ${bytes}.`);
    }
    while (this.#bytes + size > bytes || this.#last - this.#first + 1 >= count) this.#dropFirst();
    if (this.#last - this.#first + 1 === this.#capacity) this.#grow();
    this.#last++;
    const index = this.#indexOf(this.#last);
    this.#items[index] = item;
    this.#sizes[index] = size;
    this.#bytes += size;
    return this.#last;
  }

  get(number: number): T | undefined {
    return number >= this.#first && number <= this.#last ? this.#items[this.#indexOf(number)] : undefined;
  }

  shift(): void {
    if (this.#first <= this.#last) this.#dropFirst();
  }

  skip(number: number): void {
    while (this.#first <= this.#last) this.#dropFirst();
    this.#last = number;
    this.#first = number + 1;
  }

  #indexOf(number: number): number {
    const index = this.#head + (number - this.#first);
    return index < this.#capacity ? index : index - this.#capacity;
  }

  #dropFirst(): void {
    this.#bytes -= this.#sizes[this.#head] as number;
    this.#items[this.#head] = undefined;
    this.#head = this.#head + 1 === this.#capacity ? 0 : this.#head + 1;
    this.#first++;
  }

  #grow(): void {
    const head = this.#head;
    this.#items = this.#items.slice(head).concat(this.#items.slice(0, head));
    this.#sizes = this.#sizes.slice(head).concat(this.#sizes.slice(0, head));
    this.#capacity = Math.min(this.#options.count, this.#capacity * 2);
    this.#items.length = this.#capacity;
    this.#sizes.length = this.#capacity;
    this.#head = 0;
  }
}
