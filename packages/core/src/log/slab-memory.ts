import { concatFrames } from "../protocol/control-events.ts";
import { eventTooLarge } from "../protocol/event-size.ts";
import { Run, Slab } from "./slab.ts";

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

const encoder = new TextEncoder();

export interface SlabLimits {
  /** A frame from `encode` has at most this many bytes. */
  readonly frameBytes: number;
  /** A slab for small frames has at most this many bytes, but never fewer than 1 KiB nor more than 64 KiB. */
  readonly slabBytes: number;
}

/** Append-only memory for the frames of a log. */
export class SlabMemory {
  readonly #frameLimit: number;
  readonly #largestSlab: number;
  readonly #slabs: Slab[] = [];
  /** The last slab, unless its only frame is a large one. */
  #open: Slab | undefined;
  /** Without an open slab: what an earlier one has left. */
  #rest: Uint8Array | undefined;

  constructor({ frameBytes, slabBytes }: SlabLimits) {
    this.#frameLimit = frameBytes;
    this.#largestSlab = Math.max(SMALLEST_SLAB, Math.min(LARGEST_SLAB, slabBytes));
  }

  /**
   * Adds a frame under the next number, or under any number if there are no frames. Returns its size.
   *
   * @throws `EVENT_TOO_LARGE`; the memory is unchanged
   */
  encode(text: string, number: number): number {
    const limit = this.#frameLimit;
    if (text.length > limit) throw eventTooLarge(text.length, limit);
    const slab = this.#openFor(number);
    const size = slab?.encode(text, limit) ?? 0;
    if (size > 0) return this.#keepOpen(slab as Slab, size);
    const bytes = encoder.encode(text);
    if (bytes.length > limit) throw eventTooLarge(bytes.length, limit);
    return this.#addSlab(bytes, number);
  }

  /** Adds a copy of an encoded frame as `encode` does. */
  copy(bytes: Uint8Array, number: number): number {
    const slab = this.#openFor(number);
    return slab?.add(bytes) === true ? this.#keepOpen(slab, bytes.length) : this.#addSlab(bytes, number);
  }

  /** Forgets the oldest frame, which has this number. Returns its size. */
  drop(number: number): number {
    const slab = this.#slabs[0] as Slab;
    const size = slab.address(number + 1) - slab.address(number);
    if (number === slab.last) this.#slabs.shift();
    if (this.#slabs.length === 0) this.clear();
    return size;
  }

  /** Forgets all frames. Free memory stays in use. */
  clear(): void {
    this.#slabs.length = 0;
    this.#close();
  }

  /** The size of all frames from this number on. */
  sizeFrom(number: number): number {
    return (this.#slabs.at(-1) as Slab).end - (this.#slabs[this.#indexOf(number)] as Slab).address(number);
  }

  /**
   * Frames from a number on, up to another or fewer. They are a view of one slab and stop at its end, except that frames of
   * several slabs that fit into 64 KiB are copied, so that they are one write.
   */
  read(from: number, to: number): Run {
    let index = this.#indexOf(from);
    const slab = this.#slabs[index] as Slab;
    const start = slab.address(from);
    if (to <= slab.last) return new Run(slab.view(start, slab.address(to + 1)), to);
    const parts = [slab.view(start, slab.end)];
    let { last } = slab;
    while (last < to) {
      const next = this.#slabs[++index] as Slab;
      const end = next.address(Math.min(to, next.last) + 1);
      if (end - start > LARGEST_SLAB) break;
      parts.push(next.view(next.base, end));
      last = Math.min(to, next.last);
    }
    return new Run(concatFrames(parts), last);
  }

  #openFor(number: number): Slab | undefined {
    return this.#open ?? (this.#rest && new Slab(this.#rest, this.#end, number));
  }

  /** A small frame was added to this slab. */
  #keepOpen(slab: Slab, size: number): number {
    if (slab !== this.#open) {
      this.#slabs.push(slab);
      this.#open = slab;
      this.#rest = undefined;
    }
    return size;
  }

  /** Adds a slab with this frame. */
  #addSlab(bytes: Uint8Array, number: number): number {
    const size = this.#slabSize;
    const isLarge = bytes.length > Math.max(SMALLEST_SLAB, size * LARGE_SHARE);
    const slab = new Slab(new Uint8Array(isLarge ? bytes.length : size), this.#end, number);
    slab.add(bytes);
    this.#slabs.push(slab);
    if (isLarge) this.#close();
    else this.#open = slab;
    return bytes.length;
  }

  #close(): void {
    this.#rest = this.#open?.rest() ?? this.#rest;
    this.#open = undefined;
  }

  get #end(): number {
    return this.#slabs.at(-1)?.end ?? 0;
  }

  get #slabSize(): number {
    const held = this.#end - (this.#slabs[0]?.base ?? 0);
    return Math.max(SMALLEST_SLAB, Math.min(this.#largestSlab, Math.ceil(held * SLAB_SHARE)));
  }

  /** The index of the slab that has this frame; most often it is the last one. */
  #indexOf(number: number): number {
    const slabs = this.#slabs;
    let low = 0;
    let high = slabs.length - 1;
    if ((slabs[high] as Slab).first <= number) return high;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((slabs[middle] as Slab).first <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
