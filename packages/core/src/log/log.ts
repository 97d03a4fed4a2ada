import { eventText } from "../protocol/encode.ts";
import { addJoint, type Joint } from "../protocol/cursor.ts";
import type { SseEvent } from "../protocol/event.ts";
import { idPrefix } from "../protocol/event-id.ts";
import { eventSizeLimit } from "../protocol/event-size.ts";
import { createRingBuffer, type RingBuffer } from "./ring-buffer.ts";
import { type Run, SlabMemory } from "./slab.ts";

/** Each frame counts for this much beside its bytes: its address, its size, its share of unused slab space. */
const FRAME_OVERHEAD = 32;

export interface LogLimits {
  readonly events: number;
  readonly bytes: number;
  readonly maxEventBytes: number;
}

/**
 * The frames of one stream in order, numbered from 1. The log is bounded in count and bytes, and forgets its oldest
 * frames first. It holds their addresses; a {@link SlabMemory} holds their bytes.
 */
export class Log {
  #epoch: string;
  #idPrefix: string;
  #joints: readonly Joint[] = [];
  readonly #addresses: RingBuffer<number>;
  readonly #memory: SlabMemory;
  readonly #limits: LogLimits;
  readonly #maxFrame: number;
  /** The last run that was read. Readers at the same position get the same object. */
  #latest: { readonly from: number; readonly to: number; readonly run: Run } | undefined;

  constructor(epoch: string, limits: LogLimits) {
    this.#epoch = epoch;
    this.#idPrefix = idPrefix(epoch);
    this.#limits = limits;
    this.#maxFrame = eventSizeLimit(limits.maxEventBytes, limits.bytes);
    const memory = new SlabMemory({ frameBytes: this.#maxFrame, slabBytes: Math.floor(limits.bytes / 4) });
    this.#memory = memory;
    this.#addresses = createRingBuffer({
      count: limits.events,
      bytes: limits.bytes,
      sizeOf: () => memory.stagedSize + FRAME_OVERHEAD,
    });
  }

  /** The first half of the ids of the events that are appended now. */
  get epoch(): string {
    return this.#epoch;
  }

  /** The ends of the last eight epochs before. */
  get joints(): readonly Joint[] {
    return this.#joints;
  }

  /**
   * Another producer continues the log: the next event has the next number, under a new epoch.
   *
   * @param joints those of the log from now on. By default the epoch before ends with the last frame
   */
  startEpoch(epoch: string, joints?: readonly Joint[]): void {
    this.#joints = joints ?? addJoint(this.#joints, { epoch: this.#epoch, last: this.last });
    this.#epoch = epoch;
    this.#idPrefix = idPrefix(epoch);
  }

  /** The number of the oldest frame in the log; `last + 1` when it is empty. */
  get first(): number {
    return this.#addresses.first;
  }

  /** The number of the newest frame; 0 before the first. */
  get last(): number {
    return this.#addresses.last;
  }

  /** The bytes of the frames in the log, overhead included. */
  get bytes(): number {
    return this.#addresses.bytes;
  }

  /**
   * Encodes an event, appends it and returns its id.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`; the log is unchanged
   */
  append(event: SseEvent): string {
    const id = this.#idPrefix + (this.last + 1);
    this.#memory.encode(eventText(event, id));
    this.#commit();
    return id;
  }

  /** Appends a frame that was encoded elsewhere. A frame that is larger than the whole log is skipped. */
  appendFrame(bytes: Uint8Array): void {
    if (bytes.length + FRAME_OVERHEAD > this.#limits.bytes) return this.skip(this.last + 1);
    this.#memory.copy(bytes);
    this.#commit();
  }

  /** Forgets all frames; the next one has the number after `number`, which MUST NOT be less than `last`. */
  skip(number: number): void {
    this.#addresses.skip(number);
    this.#memory.clear();
    this.#latest = undefined;
  }

  /** Forgets the oldest frames until `bytes` are free, but none behind number `to`. */
  trim(bytes: number, to: number): void {
    const target = this.bytes - bytes;
    while (this.bytes > target && this.first <= to) this.#addresses.shift();
    if (this.first > this.last) this.#memory.clear();
    else this.#memory.release(this.first);
  }

  /** The bytes of one frame, which MUST be in the log. */
  frame(number: number): Uint8Array {
    return this.#run(number, number).bytes;
  }

  /** Whether frame `from` and all after it stay in the log when another frame of any size is appended. */
  hasRoom(from: number): boolean {
    const kept = this.last - from + 1;
    if (kept <= 0) return true;
    const { events, bytes } = this.#limits;
    const start = this.#addresses.get(from) as number;
    const used = this.#memory.end - start + (kept + 1) * FRAME_OVERHEAD;
    return kept < events && used + this.#maxFrame <= bytes;
  }

  /** Frames from number `from` on, up to `to` or fewer; both MUST be in the log. */
  read(from: number, to: number): Run {
    if (this.#latest?.from !== from || this.#latest.to !== to) {
      this.#latest = { from, to, run: this.#run(from, to) };
    }
    return this.#latest.run;
  }

  #run(from: number, to: number): Run {
    const start = this.#addresses.get(from) as number;
    const end = to === this.last ? this.#memory.end : (this.#addresses.get(to + 1) as number);
    return this.#memory.read(start, end, to);
  }

  #commit(): void {
    const number = this.#addresses.push(this.#memory.end);
    this.#memory.commit(number);
    this.#memory.release(this.#addresses.first);
  }
}
