import { eventText } from "./encode.ts";
import { HoldfastError } from "./errors.ts";
import type { SseEvent } from "./event.ts";
import { makeId } from "./event-id.ts";
import { createRingBuffer, type RingBuffer } from "./ring-buffer.ts";

/*
 * Frames are encoded once, into append-only slabs; the log is a ring buffer of their addresses. An address
 * counts bytes from the log's beginning, across slabs, so that any run of consecutive frames inside one slab is
 * one view of memory: one write, no copy, for the live edge and for a replay alike.
 */

/** What each frame is counted for beside its bytes: its address, its size, its share of a slab's slack. */
const FRAME_OVERHEAD = 32;
const SMALLEST_SLAB = 1_024;
const LARGEST_SLAB = 65_536;
/** A frame over this has a slab to itself, so that slabs are never left half empty. */
const LARGE_FRAME = 8_192;

const encoder = new TextEncoder();

interface Slab {
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
  readonly #maxFrame: number;
  readonly #slabs: Slab[] = [];
  #slabSize = SMALLEST_SLAB;
  #end = 0;
  #adding = 0;
  #latest: { readonly from: number; readonly to: number; readonly run: Run } | undefined;

  constructor(epoch: string, limits: LogLimits) {
    this.epoch = epoch;
    this.#maxFrame = Math.min(limits.maxEventBytes, Math.floor(limits.bytes / 4));
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
    const slab = this.#write(text);
    this.#ring.push(this.#end);
    slab.used += this.#adding;
    slab.last = number;
    this.#end += this.#adding;
    while ((this.#slabs[0] as Slab).last < this.first) this.#slabs.shift();
    return id;
  }

  /**
   * The longest run in one piece from frame `from` on, up to frame `to` at most; both MUST be held. Readers that
   * stand at the same place are given the same view.
   */
  read(from: number, to: number): Run {
    const latest = this.#latest;
    if (latest?.from === from && latest.to === to) return latest.run;
    const start = this.#ring.get(from) as number;
    const end = to === this.last ? this.#end : (this.#ring.get(to + 1) as number);
    const slab = this.#slabAt(start);
    const slabEnd = slab.base + slab.used;
    const run =
      slabEnd <= end
        ? { bytes: slab.memory.subarray(start - slab.base, slab.used), last: slab.last }
        : { bytes: slab.memory.subarray(start - slab.base, end - slab.base), last: to };
    this.#latest = { from, to, run };
    return run;
  }

  /** Writes `text` behind the last frame without counting it yet; sets `#adding` to its size. */
  #write(text: string): Slab {
    this.#refuseOver(text.length);
    const slab = this.#slabs.at(-1);
    if (slab !== undefined && text.length <= LARGE_FRAME) {
      const { read, written } = encoder.encodeInto(text, slab.memory.subarray(slab.used));
      if (read === text.length) {
        this.#refuseOver(written);
        this.#adding = written;
        return slab;
      }
    }
    const bytes = encoder.encode(text);
    this.#refuseOver(bytes.length);
    this.#adding = bytes.length;
    return this.#addSlab(bytes);
  }

  #addSlab(frame: Uint8Array): Slab {
    let memory = frame;
    if (frame.length <= LARGE_FRAME) {
      memory = new Uint8Array(Math.max(this.#slabSize, frame.length));
      memory.set(frame);
      this.#slabSize = Math.min(LARGEST_SLAB, this.#slabSize * 2);
    }
    const slab: Slab = { memory, base: this.#end, used: 0, last: this.last };
    this.#slabs.push(slab);
    return slab;
  }

  #slabAt(address: number): Slab {
    const slabs = this.#slabs;
    let low = 0;
    let high = slabs.length - 1;
    if ((slabs[high] as Slab).base <= address) return slabs[high] as Slab;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((slabs[middle] as Slab).base <= address) low = middle;
      else high = middle - 1;
    }
    return slabs[low] as Slab;
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
