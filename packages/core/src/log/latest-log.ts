import { controlText, eventText } from "../protocol/encode.ts";
import type { SseEvent } from "../protocol/event.ts";
import { idPrefix } from "../protocol/event-id.ts";
import { eventSizeLimit, eventTooLarge } from "../protocol/event-size.ts";
import type { LogLimits, StreamLog } from "./log.ts";
import { Run } from "./slab.ts";

/** Each frame counts for this much beside its bytes and its key: about what V8 needs for it. */
const FRAME_OVERHEAD = 128;
/** How long a deletion is kept for clients that were away, in ms. */
const TOMBSTONE_TTL = 3_600_000;
/** There are at most as many deletions as values; but so many are always kept, or a few keys could not be deleted by an event. */
const TOMBSTONES = 64;
/** A run has about this many bytes, or one frame. */
const RUN_BYTES = 65_536;
/** When there is no room, this part of the log is freed, so that readers do not have to start over with each push. */
const ROOM = 1 / 8;

/** So many entries may be gone before those of a small log are looked through. */
const COMPACT_ABOVE = 16;

const encoder = new TextEncoder();
/** Most frames are small: they are measured here, without an allocation. */
const scratch = new Uint8Array(4_096);

/** A frame is held as text: for small ones a buffer of their own would be several times as large. */
interface Entry {
  readonly number: number;
  /** `undefined` when it is gone. */
  frame: string | undefined;
  /** In bytes. */
  readonly size: number;
  /** `undefined` for a frame that is only passed on. */
  readonly key: string | undefined;
  /** When its key was deleted, if it says so; in ms. */
  readonly deletedAt: number | undefined;
}

/** What a {@link LatestLog} needs beside its limits. */
export interface LatestLogOptions extends LogLimits {
  readonly now: () => number;
  /** There is no room for the values of these keys. Called inside the call that needs the room. */
  readonly onDropped: (keys: readonly string[]) => void;
}

/**
 * The newest frame of each key, numbered from 1 in the order of their appends. A frame that is superseded is gone, and leaves a
 * hole. A reader that has everything up to a number knows the newest value up to there of every key. However slow it is, it
 * misses nothing: except for deletions, which are forgotten after a time.
 */
export class LatestLog implements StreamLog {
  readonly epoch: string;
  readonly joints: readonly [] = [];
  readonly #idPrefix: string;
  readonly #options: LatestLogOptions;
  readonly #maxFrame: number;
  /** By number, so that the stalest are first. Those that are gone stay until they are more than the others. */
  #entries: Entry[] = [];
  /** How many of them are not gone. */
  #held = 0;
  /** By key, its value or its tombstone. */
  readonly #newest = new Map<string, Entry>();
  /** The oldest first. */
  readonly #tombstones = new Set<Entry>();
  /** Frames without a key: readers get them once, and clients that come later do not. */
  #passing = new Set<Entry>();
  #wasPassing = new Set<Entry>();
  #last = 0;
  #forgotten = 0;
  #bytes = 0;
  /** The last run that was read, unless a frame has gone since. Readers at the same position get the same object. */
  #run:
    | { readonly from: number; readonly to: number; readonly isLive: boolean; readonly run: Run }
    | undefined;

  constructor(epoch: string, options: LatestLogOptions) {
    this.epoch = epoch;
    this.#idPrefix = idPrefix(epoch);
    this.#options = options;
    this.#maxFrame = eventSizeLimit(options.maxEventBytes, options.bytes);
  }

  get first(): 1 {
    return 1;
  }

  get last(): number {
    return this.#last;
  }

  /** The number of the newest deletion that is no longer held. */
  get forgotten(): number {
    return this.#forgotten;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Encodes an event, appends it as the value of its key, and returns its id. One without a key is passed on to the readers that
   * take it in this turn or the next one, and is not held.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`; the log is unchanged
   */
  append(event: SseEvent, key: string | undefined): string {
    return this.#append(event, key, undefined);
  }

  /**
   * Deletes a key. The event tells the readers, and is kept for clients that were away. Without one all readers start over.
   * Does nothing if there is no such key.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`; the log is unchanged
   */
  delete(key: string, event: SseEvent | undefined): void {
    const value = this.#newest.get(key);
    if (value === undefined || value.deletedAt !== undefined) return;
    if (event !== undefined) this.#append(event, key, this.#options.now());
    else {
      this.#remove(value);
      this.#forgotten = ++this.#last;
    }
  }

  /** Readers have been woken: what was passed on to them before is dropped. */
  dropPassed(): void {
    for (const entry of this.#wasPassing) this.#remove(entry);
    [this.#wasPassing, this.#passing] = [this.#passing, new Set()];
  }

  /** Deletes the stalest keys until `bytes` are free, and some more, but none whose value has a number above `to`. */
  trim(bytes: number, to: number): void {
    const target = Math.min(this.#bytes - bytes, this.#bytes * (1 - ROOM));
    if (this.#drop(() => this.#bytes > target, to)) this.#forgotten = ++this.#last;
  }

  read(from: number, to: number, isLive: boolean): Run {
    const cached = this.#run;
    if (cached?.from === from && cached.to === to && cached.isLive === isLive) return cached.run;
    const run = this.#read(from, to, isLive);
    this.#run = { from, to, isLive, run };
    return run;
  }

  #read(from: number, to: number, isLive: boolean): Run {
    let [text, bytes, events, cursor] = ["", 0, 0, from - 1];
    for (let index = this.#indexOf(from); index < this.#entries.length; index++) {
      const { number, frame, size, key } = this.#entries[index] as Entry;
      if (number > to) break;
      // What is only passed on belongs to live delivery.
      if (frame === undefined || (key === undefined && !isLive)) continue;
      if (bytes > 0 && bytes + size > RUN_BYTES) return new Run(encoder.encode(text), number - 1, events);
      text += frame;
      bytes += size;
      events++;
      cursor = number;
    }
    // With the id of its last event, a client that has everything would have to start over when it reconnects.
    if (cursor < this.#forgotten && to === this.#last)
      text += controlText(undefined, { id: this.#idPrefix + to });
    return new Run(encoder.encode(text), to, events);
  }

  #append(event: SseEvent, key: string | undefined, deletedAt: number | undefined): string {
    const id = this.#idPrefix + (this.#last + 1);
    const frame = eventText(event, id);
    const size = byteLength(frame);
    if (size > this.#maxFrame) throw eventTooLarge(size, this.#maxFrame);
    const entry: Entry = { number: ++this.#last, frame, size, key, deletedAt };
    this.#entries.push(entry);
    this.#held++;
    this.#bytes += countedSize(entry);
    if (key === undefined) this.#passing.add(entry);
    else {
      const before = this.#newest.get(key);
      this.#newest.set(key, entry);
      if (before !== undefined) this.#discard(before);
    }
    if (deletedAt !== undefined) this.#tombstones.add(entry);
    this.#forgetDeletions();
    this.#makeRoom();
    return id;
  }

  /** Tombstones are kept for a time, and no more of them than there are values. */
  #forgetDeletions(): void {
    const oldest = this.#options.now() - TOMBSTONE_TTL;
    for (const entry of this.#tombstones) {
      const count = Math.max(this.#newest.size - this.#tombstones.size, TOMBSTONES);
      if ((entry.deletedAt as number) > oldest && this.#tombstones.size <= count) return;
      this.#remove(entry);
      this.#forgotten = Math.max(this.#forgotten, entry.number);
    }
  }

  #makeRoom(): void {
    const { events, bytes } = this.#options;
    for (const passing of [this.#wasPassing, this.#passing])
      for (const entry of passing) {
        if (this.#bytes <= bytes) break;
        this.#remove(entry);
      }
    const isOver = (part: number): boolean => this.#newest.size > events * part || this.#bytes > bytes * part;
    // Nobody has read the newest frame yet: it is part of the change.
    if (isOver(1) && this.#drop(() => isOver(1 - ROOM), this.#last - 1)) this.#forgotten = this.#last;
  }

  /** Removes the stalest keys up to a number while there is no room. Returns whether any of them had a value. */
  #drop(isOver: () => boolean, to: number): boolean {
    const dropped: string[] = [];
    for (const entry of this.#entries) {
      const { number, frame, key, deletedAt } = entry;
      if (number > to || !isOver()) break;
      if (frame === undefined || key === undefined) continue;
      this.#remove(entry);
      if (deletedAt === undefined) dropped.push(key);
      else this.#forgotten = Math.max(this.#forgotten, number);
    }
    if (dropped.length > 0) this.#options.onDropped(dropped);
    return dropped.length > 0;
  }

  #remove(entry: Entry): void {
    if (entry.key !== undefined) this.#newest.delete(entry.key);
    this.#discard(entry);
  }

  /** The entry is gone, or another one has its key. */
  #discard(entry: Entry): void {
    if (entry.frame === undefined) return;
    this.#bytes -= countedSize(entry);
    entry.frame = undefined;
    if (entry.deletedAt !== undefined) this.#tombstones.delete(entry);
    if (entry.key === undefined && !this.#passing.delete(entry)) this.#wasPassing.delete(entry);
    this.#run = undefined;
    this.#held--;
    if (this.#entries.length > 2 * this.#held + COMPACT_ABOVE)
      this.#entries = this.#entries.filter(({ frame }) => frame !== undefined);
  }

  /** The index of the first entry with this number or a higher one. */
  #indexOf(number: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle] as Entry).number < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function countedSize({ size, key = "" }: Entry): number {
  return size + key.length + FRAME_OVERHEAD;
}

function byteLength(text: string): number {
  if (text.length * 3 > scratch.length) return encoder.encode(text).length;
  return encoder.encodeInto(text, scratch).written;
}
