import { check, checkCount } from "../base/validate.ts";
import { HoldfastError } from "../base/errors.ts";

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
export function createRingBuffer<T>(options: RingBufferOptions<T>): RingBuffer<T> {
  const { count, bytes, sizeOf } = options;
  checkCount("count", count);
  checkCount("bytes", bytes);
  check(typeof sizeOf === "function", "sizeOf", "a function", sizeOf);
  return new Ring(options);
}

/** A class, since each object that has accessors of its own is of a shape of its own, and slow where there are many. */
class Ring<T> implements RingBuffer<T> {
  readonly #options: RingBufferOptions<T>;
  #capacity: number;
  #items: (T | undefined)[];
  #sizes: number[];
  #first = 1;
  #last = 0;
  #bytes = 0;
  /** Where the oldest item is. Places are counted and never divided out of numbers, which costs more than the rest. */
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
    check(Number.isSafeInteger(size) && size >= 0, "sizeOf(item)", "a non-negative integer", size);
    if (size > bytes) {
      throw new HoldfastError("EVENT_TOO_LARGE", `An item of ${size} bytes does not fit into ${bytes}.`);
    }
    while (this.#bytes + size > bytes || this.#last - this.#first + 1 >= count) this.#forgetFirst();
    if (this.#last - this.#first + 1 === this.#capacity) this.#grow();
    this.#last++;
    const place = this.#placeOf(this.#last);
    this.#items[place] = item;
    this.#sizes[place] = size;
    this.#bytes += size;
    return this.#last;
  }

  get(number: number): T | undefined {
    return number >= this.#first && number <= this.#last ? this.#items[this.#placeOf(number)] : undefined;
  }

  skip(number: number): void {
    while (this.#first <= this.#last) this.#forgetFirst();
    this.#last = number;
    this.#first = number + 1;
  }

  #placeOf(number: number): number {
    const place = this.#head + (number - this.#first);
    return place < this.#capacity ? place : place - this.#capacity;
  }

  #forgetFirst(): void {
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
