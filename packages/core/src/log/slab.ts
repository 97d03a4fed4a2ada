import { eventTooLarge } from "../protocol/event-size.ts";

/*
 * Frames are written once, one after the other, into slabs. An address counts the bytes from the beginning of the
 * memory, across slabs. Consecutive frames in one slab are therefore one view of its memory, which can be sent in one
 * write without a copy.
 */

const SMALLEST_SLAB = 1_024;
const LARGEST_SLAB = 65_536;
/** A slab is at most this part of what is held, so that little is kept of frames that were dropped, or not yet written. */
const SLAB_SHARE = 1 / 8;
/** A frame over this part of a slab gets its own, so that it does not leave another one half empty. */
const LARGE_SHARE = 1 / 4;

/** Up to this length, ASCII text is written faster character by character than by a call of the encoder. */
const SHORT_TEXT = 192;

const encoder = new TextEncoder();

interface Slab {
  /** Its frames and, as long as it is the last slab, free space. */
  readonly memory: Uint8Array;
  /** The address of its first byte. */
  readonly base: number;
  used: number;
  /** The number of its last frame. */
  last: number;
}

/** Consecutive whole frames. All readers share the bytes, which MUST NOT be changed. */
export interface Run {
  readonly bytes: Uint8Array;
  /** The number of the run's last frame. */
  readonly last: number;
}

export interface SlabLimits {
  /** A frame from `encode` has at most this many bytes. */
  readonly frameBytes: number;
  /** A slab for small frames has at most this many bytes, but never fewer than 1 KiB nor more than 64 KiB. */
  readonly slabBytes: number;
}

/**
 * Append-only memory for the frames of a log. A frame is added in two steps: {@link encode} or {@link copy} writes it,
 * and {@link commit} makes it part of the memory.
 */
export class SlabMemory {
  readonly #frameLimit: number;
  readonly #largestSlab: number;
  readonly #slabs: Slab[] = [];
  /** Memory for small frames, and how much of it is taken. Large frames do not touch it. */
  #memory = new Uint8Array();
  #taken = 0;
  /** The last slab, if the rest of the memory is its own. */
  #open: Slab | undefined;
  #end = 0;
  /** The size of the frame that is written but not committed. */
  #stagedSize = 0;
  /** The memory of this frame if it is large; a small one is behind what is taken. */
  #stagedLarge: Uint8Array | undefined;

  constructor({ frameBytes, slabBytes }: SlabLimits) {
    this.#frameLimit = frameBytes;
    this.#largestSlab = Math.max(SMALLEST_SLAB, Math.min(LARGEST_SLAB, slabBytes));
  }

  /** The address after the last frame, where the next one begins. */
  get end(): number {
    return this.#end;
  }

  /** The size of the frame that was written last. */
  get stagedSize(): number {
    return this.#stagedSize;
  }

  /**
   * Writes a frame that begins at {@link end} once it is committed.
   *
   * @throws `EVENT_TOO_LARGE`; the memory is unchanged
   */
  encode(text: string): void {
    if (text.length > this.#frameLimit) throw eventTooLarge(text.length, this.#frameLimit);
    if (this.#writeShort(text)) return this.#stage(text.length);
    const large = this.#largeSize;
    if (text.length <= large) {
      const { read, written } = encoder.encodeInto(text, this.#memory.subarray(this.#taken));
      if (read === text.length) {
        if (written > this.#frameLimit) throw eventTooLarge(written, this.#frameLimit);
        return this.#stage(written);
      }
    }
    const bytes = encoder.encode(text);
    if (bytes.length > this.#frameLimit) throw eventTooLarge(bytes.length, this.#frameLimit);
    if (bytes.length > large) return this.#stage(bytes.length, bytes);
    this.#allocate(bytes.length);
    this.#memory.set(bytes);
    this.#stage(bytes.length);
  }

  /** Returns whether the text is short, is ASCII and fits; else nothing is written that counts. */
  #writeShort(text: string): boolean {
    const { length } = text;
    const memory = this.#memory;
    const start = this.#taken;
    if (length > SHORT_TEXT || start + length > memory.length) return false;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      memory[start + index] = code;
    }
    return true;
  }

  /** Writes a copy of an encoded frame, which begins at {@link end} once it is committed. */
  copy(bytes: Uint8Array): void {
    if (bytes.length > this.#largeSize) return this.#stage(bytes.length, bytes.slice());
    if (bytes.length > this.#memory.length - this.#taken) this.#allocate(bytes.length);
    this.#memory.set(bytes, this.#taken);
    this.#stage(bytes.length);
  }

  /** Adds the frame that was written last, under a number higher than all before. */
  commit(number: number): void {
    const slab = this.#slabOfStaged(number);
    slab.used += this.#stagedSize;
    slab.last = number;
    this.#end += this.#stagedSize;
  }

  /** Releases the slabs that have only frames before this number. */
  release(first: number): void {
    while ((this.#slabs[0] as Slab).last < first) this.#slabs.shift();
  }

  /** Releases all slabs. Free memory stays in use. */
  clear(): void {
    this.#slabs.length = 0;
    this.#open = undefined;
  }

  /**
   * The frames between two addresses, of which the last has number `last`. It is a view of one slab and stops at its end,
   * except that frames of several slabs that fit into 64 KiB are copied, so that they are one write.
   */
  read(start: number, end: number, last: number): Run {
    const index = this.#slabAt(start);
    const slab = this.#slabs[index] as Slab;
    const { memory, base, used } = slab;
    if (end <= base + used) return { bytes: memory.subarray(start - base, end - base), last };
    const joined = this.#slabsToJoin(index, start, end);
    const final = joined.at(-1) as Slab;
    if (final === slab) return { bytes: memory.subarray(start - base, used), last: slab.last };
    const to = Math.min(end, final.base + final.used);
    const bytes = new Uint8Array(to - start);
    for (const each of joined) {
      const part = each.memory.subarray(Math.max(start - each.base, 0), Math.min(to - each.base, each.used));
      bytes.set(part, Math.max(each.base - start, 0));
    }
    return { bytes, last: to === end ? last : final.last };
  }

  /** The slab of that index, and those behind it, as far as their frames up to `end` fit into 64 KiB. */
  #slabsToJoin(index: number, start: number, end: number): readonly Slab[] {
    let to = index + 1;
    for (let next = this.#slabs[to]; next !== undefined && next.base < end; next = this.#slabs[++to]) {
      if (Math.min(end, next.base + next.used) - start > LARGEST_SLAB) break;
    }
    return this.#slabs.slice(index, to);
  }

  #stage(size: number, large?: Uint8Array): void {
    this.#stagedSize = size;
    this.#stagedLarge = large;
  }

  /** New memory for small frames, of at least `size` bytes. */
  #allocate(size: number): void {
    this.#memory = new Uint8Array(Math.max(this.#slabSize, size));
    this.#taken = 0;
    this.#open = undefined;
  }

  get #slabSize(): number {
    const held = this.#end - (this.#slabs[0]?.base ?? this.#end);
    return Math.max(SMALLEST_SLAB, Math.min(this.#largestSlab, Math.ceil(held * SLAB_SHARE)));
  }

  /** A frame of this size fits into any slab; a larger one gets its own. */
  get #largeSize(): number {
    return Math.max(SMALLEST_SLAB, this.#slabSize * LARGE_SHARE);
  }

  /** The slab that the staged frame belongs to. */
  #slabOfStaged(number: number): Slab {
    const large = this.#stagedLarge;
    if (large !== undefined) {
      this.#stagedLarge = undefined;
      this.#open = undefined;
      return this.#addSlab(large, number);
    }
    this.#open ??= this.#addSlab(this.#memory.subarray(this.#taken), number);
    this.#taken += this.#stagedSize;
    return this.#open;
  }

  #addSlab(memory: Uint8Array, last: number): Slab {
    const slab: Slab = { memory, base: this.#end, used: 0, last };
    this.#slabs.push(slab);
    return slab;
  }

  /** The index of the slab that has this address; most often it is the last one. */
  #slabAt(address: number): number {
    const slabs = this.#slabs;
    let low = 0;
    let high = slabs.length - 1;
    if ((slabs[high] as Slab).base <= address) return high;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((slabs[middle] as Slab).base <= address) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
