import { eventText } from "../protocol/encode.ts";
import { HoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";
import { makeId } from "../protocol/event-id.ts";
import { createRingBuffer, type RingBuffer } from "./ring-buffer.ts";

/*
 * Frames are encoded once, into append-only slabs; the log is a ring buffer of their addresses. An address
 * counts bytes from the log's beginning, across slabs, so that any run of consecutive frames inside one slab is
 * one view of memory: one write, no copy, for the live highWatermark and for a replay alike.
 */

/** What each frame is counted for beside its bytes: its address, its size, its share of a slab's slack. */
const FRAME_OVERHEAD = 32;
const SMALLEST_SLAB = 1_024;
const LARGEST_SLAB = 65_536;
/** A frame over this part of the largest slab has a slab to itself, so that no other is left half empty. */
const LARGE = 1 / 8;

const encoder = new TextEncoder();

interface Slab {
  /** Its frames, and as long as it is the last slab, room for more. */
  readonly memory: Uint8Array;
  /** The address of its first byte. */
  readonly base: number;
  used: number;
  /** The number of its last frame. */
  last: number;
}

/** Consecutive whole frames. The memory is shared by all readers and MUST NOT be changed. */
export interface Run {
  readonly bytes: Uint8Array;
  /** The number of the run's last frame. */
  readonly last: number;
}

export interface LogLimits {
  readonly events: number;
  readonly bytes: number;
  readonly maxEventBytes: number;
}

/** The frames of one stream in order, numbered from 1, bounded in count and bytes; the oldest go first. */
export class Log {
  readonly epoch: string;
  readonly #ring: RingBuffer<number>;
  readonly #limits: LogLimits;
  readonly #maxFrame: number;
  readonly #largestSlab: number;
  readonly #slabs: Slab[] = [];
  #slabSize = SMALLEST_SLAB;
  /** What is not written yet of the newest memory for small frames; large frames do not come in its way. */
  #room = new Uint8Array();
  /** The last slab, if it goes on in that room. */
  #open: Slab | undefined;
  #end = 0;
  #adding = 0;
  #latest: { readonly from: number; readonly to: number; readonly run: Run } | undefined;

  constructor(epoch: string, limits: LogLimits) {
    this.epoch = epoch;
    this.#limits = limits;
    const quarter = Math.floor(limits.bytes / 4);
    this.#maxFrame = Math.min(limits.maxEventBytes, quarter);
    this.#largestSlab = Math.max(SMALLEST_SLAB, Math.min(LARGEST_SLAB, quarter));
    this.#ring = createRingBuffer({
      count: limits.events,
      bytes: limits.bytes,
      sizeOf: () => this.#adding + FRAME_OVERHEAD,
    });
  }

  /** The oldest frame's number; `last + 1` when nothing is held. */
  get first(): number {
    return this.#ring.first;
  }

  /** The newest frame's number; 0 before the first. */
  get last(): number {
    return this.#ring.last;
  }

  /** The bytes held, overhead included. */
  get bytes(): number {
    return this.#ring.bytes;
  }

  /**
   * Encodes an event behind the last one and returns its id.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`; the log is as it was.
   */
  append(event: SseEvent): string {
    const number = this.last + 1;
    const id = makeId(this.epoch, number);
    const text = eventText(event, id);
    this.#add(this.#write(text), number);
    return id;
  }

  /** Adds a frame that was encoded elsewhere; one that is too large to be held is passed over. */
  appendFrame(bytes: Uint8Array): void {
    const number = this.last + 1;
    if (bytes.length + FRAME_OVERHEAD > this.#limits.bytes) return this.skip(number);
    this.#add(this.#copy(bytes), number);
  }

  /** Forgets everything and goes on behind that frame, which MUST NOT be before the last. */
  skip(number: number): void {
    this.#ring.skip(number);
    this.#slabs.length = 0;
    this.#open = undefined;
    this.#latest = undefined;
  }

  /** One frame, which MUST be held. */
  frame(number: number): Uint8Array {
    return this.#run(number, number).bytes;
  }

  /** Whether any one frame more would leave frame `from` and those behind it where they are. */
  hasRoom(from: number): boolean {
    const kept = this.last - from + 1;
    if (kept <= 0) return true;
    const { events, bytes } = this.#limits;
    const taken = this.#end - (this.#ring.get(from) as number) + (kept + 1) * FRAME_OVERHEAD;
    return kept < events && taken + this.#maxFrame <= bytes;
  }

  /**
   * A run from frame `from` on, up to frame `to` at most; both MUST be held. It is a view of one slab, except that a
   * short run over the border of two is concatFrames, so that what was pushed in one turn is one write. Readers that stand
   * at the same place are given the same run.
   */
  read(from: number, to: number): Run {
    if (this.#latest?.from !== from || this.#latest.to !== to) {
      this.#latest = { from, to, run: this.#run(from, to) };
    }
    return this.#latest.run;
  }

  #run(from: number, to: number): Run {
    const start = this.#ring.get(from) as number;
    const end = to === this.last ? this.#end : (this.#ring.get(to + 1) as number);
    const index = this.#slabAt(start);
    const { memory, base, used, last } = this.#slabs[index] as Slab;
    if (end <= base + used) return { bytes: memory.subarray(start - base, end - base), last: to };
    if (end - start > LARGEST_SLAB) return { bytes: memory.subarray(start - base, used), last };
    const bytes = new Uint8Array(end - start);
    for (const slab of this.#slabs.slice(index)) {
      const part = slab.memory.subarray(Math.max(start - slab.base, 0), Math.min(end - slab.base, slab.used));
      bytes.set(part, Math.max(slab.base - start, 0));
      if (slab.last >= to) break;
    }
    return { bytes, last: to };
  }

  /** Counts the frame at the beginning of this memory, and forgets what is too much. */
  #add(memory: Uint8Array<ArrayBuffer>, number: number): void {
    this.#ring.push(this.#end);
    const slab = this.#slabOf(memory);
    slab.used += this.#adding;
    slab.last = number;
    this.#end += this.#adding;
    const { first } = this.#ring;
    while ((this.#slabs[0] as Slab).last < first) this.#slabs.shift();
  }

  /** Writes `text` to the memory that it returns without counting it yet; sets `#adding` to its size. */
  #write(text: string): Uint8Array<ArrayBuffer> {
    this.#refuseOver(text.length);
    const large = this.#largestSlab * LARGE;
    if (text.length <= large) {
      const { read, written } = encoder.encodeInto(text, this.#room);
      if (read === text.length) {
        this.#refuseOver(written);
        this.#adding = written;
        return this.#room;
      }
    }
    const bytes = encoder.encode(text);
    this.#refuseOver(bytes.length);
    this.#adding = bytes.length;
    if (bytes.length > large) return bytes;
    this.#makeRoom(bytes.length);
    this.#room.set(bytes);
    return this.#room;
  }

  /** Copies a frame to the memory that it returns without counting it yet; sets `#adding` to its size. */
  #copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#adding = bytes.length;
    if (bytes.length > this.#largestSlab * LARGE) return bytes.slice();
    if (bytes.length > this.#room.length) this.#makeRoom(bytes.length);
    this.#room.set(bytes);
    return this.#room;
  }

  /** New memory for small frames, of so many bytes at least. */
  #makeRoom(size: number): void {
    this.#room = new Uint8Array(Math.max(this.#slabSize, size));
    this.#open = undefined;
    this.#slabSize = Math.min(this.#largestSlab, this.#slabSize * 2);
  }

  /** The slab that the frame at the beginning of this memory belongs to. */
  #slabOf(memory: Uint8Array<ArrayBuffer>): Slab {
    const isSmall = memory === this.#room;
    if (isSmall) this.#room = memory.subarray(this.#adding);
    if (isSmall && this.#open !== undefined) return this.#open;
    const slab: Slab = { memory, base: this.#end, used: 0, last: this.last };
    this.#slabs.push(slab);
    this.#open = isSmall ? slab : undefined;
    return slab;
  }

  /** The index of the slab that holds an address; most often it is the last one. */
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

  #refuseOver(size: number): void {
    if (size > this.#maxFrame) {
      throw new HoldfastError(
        "EVENT_TOO_LARGE",
        `An event takes at most ${this.#maxFrame} bytes on the wire, this one has ${size} or more.`,
      );
    }
  }
}
