/** Consecutive whole frames. All readers share the bytes, which MUST NOT be changed. */
export class Run {
  readonly bytes: Uint8Array;
  /** The number of the run's last frame. */
  readonly last: number;
  /** How many frames there are, where some numbers have none. */
  readonly events: number | undefined;

  constructor(bytes: Uint8Array, last: number, events?: number) {
    this.bytes = bytes;
    this.last = last;
    this.events = events;
  }
}

const encoder = new TextEncoder();

/**
 * A slotted page, as databases have them: frames lie one after the other from the front, and slots of two bytes lie from the
 * back. A slot has the offset of a frame; the first frame needs none. So the index of a log is in the memory of its frames.
 */
export class Slab {
  /** The address of its first byte in the memory that it is a part of. */
  readonly base: number;
  /** The number of its first frame. */
  readonly first: number;
  readonly #memory: Uint8Array;
  #used = 0;
  #count = 0;

  /** @param memory at most 64 KiB if it gets more than one frame */
  constructor(memory: Uint8Array, base: number, first: number) {
    this.#memory = memory;
    this.base = base;
    this.first = first;
  }

  /** The number of its last frame. */
  get last(): number {
    return this.first + this.#count - 1;
  }

  /** The address behind its last frame. */
  get end(): number {
    return this.base + this.#used;
  }

  /** The address of a frame, or of the one that comes next. */
  address(number: number): number {
    const index = number - this.first;
    if (index === this.#count) return this.end;
    if (index === 0) return this.base;
    const slot = this.#slot(index);
    return this.base + (this.#memory[slot] as number) + (this.#memory[slot + 1] as number) * 256;
  }

  /** A view of the bytes between two addresses. */
  view(start: number, end: number): Uint8Array {
    return this.#memory.subarray(start - this.base, end - this.base);
  }

  /** Adds a frame. Returns whether there is room for it. */
  add(bytes: Uint8Array): boolean {
    if (bytes.length > this.#room) return false;
    this.#memory.set(bytes, this.#used);
    this.#commit(bytes.length);
    return true;
  }

  /** Adds a frame of this text. Returns its size; 0 if there is no room for it, or it has more than `limit` bytes. */
  encode(text: string, limit: number): number {
    if (text.length > this.#room) return 0;
    const { read, written } = encoder.encodeInto(text, this.rest());
    return read < text.length || written > limit ? 0 : this.#commit(written);
  }

  /** The memory for further frames. */
  rest(): Uint8Array {
    return this.#memory.subarray(this.#used, this.#used + this.#room);
  }

  #commit(size: number): number {
    if (this.#count > 0) {
      const slot = this.#slot(this.#count);
      this.#memory[slot] = this.#used;
      this.#memory[slot + 1] = this.#used >> 8;
    }
    this.#count++;
    this.#used += size;
    return size;
  }

  /** The bytes for one more frame, without its slot. */
  get #room(): number {
    return this.#memory.length - this.#used - 2 * this.#count;
  }

  #slot(index: number): number {
    return this.#memory.length - 2 * index;
  }
}
