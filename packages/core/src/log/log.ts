import { eventText } from "../protocol/encode.ts";
import { addJoint, type Joint } from "../protocol/cursor.ts";
import type { SseEvent } from "../protocol/event.ts";
import { idPrefix } from "../protocol/event-id.ts";
import { eventSizeLimit } from "../protocol/event-size.ts";
import type { Run } from "./slab.ts";
import { SlabMemory } from "./slab-memory.ts";

/** Each frame counts for this much beside its bytes: its slot, its share of objects and of unused slab space. */
const FRAME_OVERHEAD = 32;

export interface LogLimits {
  readonly events: number;
  readonly bytes: number;
  readonly maxEventBytes: number;
}

/** The log of a stream, as those see it who read it or bound its size. */
export interface StreamLog {
  /** The first half of the ids of the events that are appended now. */
  readonly epoch: string;
  /** The ends of the last eight epochs before. */
  readonly joints: readonly Joint[];
  /** The number of the first frame that a reader can have; `last + 1` when there is none. */
  readonly first: number;
  /** The number of the newest frame; 0 before the first. */
  readonly last: number;
  /**
   * A reader that has begun, and is at this number or below, has missed a change that is no longer known, and starts over at
   * `first`. 0 in a log that holds whole histories.
   */
  readonly forgotten: number;
  /** The bytes of the frames in the log, overhead included. */
  readonly bytes: number;
  /**
   * Frames from number `from` on, up to `to` or fewer.
   *
   * @param isLive whether the reader was there when they were appended
   */
  read(from: number, to: number, isLive: boolean): Run;
  /** Gives up what is oldest until `bytes` are free, but nothing behind number `to`. */
  trim(bytes: number, to: number): void;
}

/**
 * The frames of one stream in order, numbered from 1. The log is bounded in count and bytes, and forgets its oldest
 * frames first. A {@link SlabMemory} holds their bytes.
 */
export class Log implements StreamLog {
  #epoch: string;
  #idPrefix: string;
  #joints: readonly Joint[] = [];
  readonly #memory: SlabMemory;
  readonly #limits: LogLimits;
  readonly #maxFrame: number;
  #first = 1;
  #last = 0;
  #bytes = 0;
  /** The last run that was read. Readers at the same position get the same object. */
  #latest: Run | undefined;
  #latestFrom = 0;
  #latestTo = 0;

  constructor(epoch: string, limits: LogLimits) {
    this.#epoch = epoch;
    this.#idPrefix = idPrefix(epoch);
    this.#limits = limits;
    this.#maxFrame = eventSizeLimit(limits.maxEventBytes, limits.bytes);
    this.#memory = new SlabMemory({ frameBytes: this.#maxFrame, slabBytes: Math.floor(limits.bytes / 4) });
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
    return this.#first;
  }

  /** The number of the newest frame; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  get forgotten(): 0 {
    return 0;
  }

  /** The bytes of the frames in the log, overhead included. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Encodes an event, appends it and returns its id.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`; the log is unchanged
   */
  append(event: SseEvent): string {
    const number = this.#last + 1;
    const id = this.#idPrefix + number;
    this.#add(this.#memory.encode(eventText(event, id), number));
    return id;
  }

  /** Appends a frame that was encoded elsewhere. A frame that is larger than the whole log is skipped. */
  appendFrame(bytes: Uint8Array): void {
    const number = this.#last + 1;
    if (bytes.length + FRAME_OVERHEAD > this.#limits.bytes) this.skip(number);
    else this.#add(this.#memory.copy(bytes, number));
  }

  /** Forgets all frames; the next one has the number after `number`, which MUST NOT be less than `last`. */
  skip(number: number): void {
    this.#memory.clear();
    this.#bytes = 0;
    this.#last = number;
    this.#first = number + 1;
    this.#latest = undefined;
  }

  /** Forgets the oldest frames until `bytes` are free, but none behind number `to`. */
  trim(bytes: number, to: number): void {
    const target = this.#bytes - bytes;
    while (this.#bytes > target && this.#first <= to) this.#dropFirst();
  }

  /** The bytes of one frame, which MUST be in the log. */
  frame(number: number): Uint8Array {
    return this.#memory.read(number, number).bytes;
  }

  /** Whether frame `from` and all after it stay in the log when another frame of any size is appended. */
  hasRoom(from: number): boolean {
    const kept = this.#last - from + 1;
    if (kept <= 0) return true;
    const { events, bytes } = this.#limits;
    const used = this.#memory.sizeFrom(from) + (kept + 1) * FRAME_OVERHEAD;
    return kept < events && used + this.#maxFrame <= bytes;
  }

  /** Frames from number `from` on, up to `to` or fewer; both MUST be in the log. */
  read(from: number, to: number): Run {
    if (this.#latest === undefined || this.#latestFrom !== from || this.#latestTo !== to) {
      this.#latest = this.#memory.read(from, to);
      this.#latestFrom = from;
      this.#latestTo = to;
    }
    return this.#latest;
  }

  /** A frame of that size was added to the memory. */
  #add(size: number): void {
    this.#last++;
    this.#bytes += size + FRAME_OVERHEAD;
    const { events, bytes } = this.#limits;
    while (this.#bytes > bytes || this.#last - this.#first >= events) this.#dropFirst();
  }

  #dropFirst(): void {
    this.#bytes -= this.#memory.drop(this.#first) + FRAME_OVERHEAD;
    this.#first++;
  }
}

/** The log of a stream that a producer or a store writes to. Only channels of latest values have another one. */
export function frameLog(stream: { readonly log: StreamLog }): Log {
  return stream.log as Log;
}
