// Tested by test/multiplex/multiplex.test.ts.

import type { Connection } from "../connection/connection.ts";
import type { DrainReason } from "../protocol/reasons.ts";
import type { Member } from "./member.ts";

/** After so many bytes a write is over, as for one stream; the turn of a member is not split. */
const WRITE_BYTES = 65_536;

/** Calls `write` of {@link MemberTurns}. */
interface TurnWriter {
  /** Asks for a call later in this turn of the event loop; not again before {@link MemberTurns.beginWrite}. */
  scheduleWrite(): void;
}

/**
 * Whose turn it is to write, and what the next write has.
 *
 * One event may wake a member of each of many responses, whose objects no processor has in its cache. So a wake-up touches
 * the member and this object only: the queue is linked through the members, from its end, and turned round when it is read.
 */
export class MemberTurns {
  readonly #writer: TurnWriter;
  /** The newest of those that wait; each has the one before. */
  #newest: Member | undefined;
  /** Those who waited before them; each has the one behind. */
  #oldest: Member | undefined;
  #isScheduled = false;
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #events = 0;
  /** The member of the last block, if the next one of it needs no `stream.member`. */
  #current: Member | undefined;

  constructor(writer: TurnWriter) {
    this.#writer = writer;
  }

  /** Whether there is nothing to write, and nobody waits for a turn. */
  get isEmpty(): boolean {
    return this.#newest === undefined && this.#oldest === undefined && this.#frames.length === 0;
  }

  /** Gives the member a turn, later in this turn of the event loop or when the client takes more. */
  request(member: Member): void {
    if (!member.isQueued) {
      member.isQueued = true;
      member.neighbour = this.#newest;
      this.#newest = member;
    }
    this.scheduleWrite();
  }

  scheduleWrite(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#writer.scheduleWrite();
  }

  /** What was scheduled happens now. */
  beginWrite(): void {
    this.#isScheduled = false;
  }

  /** Adds blocks of a member to the next write. */
  add(member: Member, bytes: Uint8Array, events: number): void {
    if (this.#current !== member) this.addBlock(member.frame);
    this.#current = member;
    this.#events += events;
    this.addBlock(bytes);
  }

  /** Adds a block that says itself whose it is. */
  addBlock(bytes: Uint8Array): void {
    this.#frames.push(bytes);
    this.#bytes += bytes.length;
  }

  /** The next block of any member begins with `stream.member`. */
  endRun(): void {
    this.#current = undefined;
  }

  /** Gives members their turns while the client takes what they write. */
  write(connection: Connection, flush?: DrainReason): void {
    while (connection.ready) {
      while (this.#bytes < WRITE_BYTES) {
        const member = this.#take();
        if (member === undefined) break;
        if (member.takeTurn(flush)) this.request(member);
      }
      if (this.#frames.length === 0) return;
      const bytes = joinFrames(this.#frames, this.#bytes);
      const events = this.#events;
      this.#frames = [];
      this.#bytes = this.#events = 0;
      connection.write(bytes, events);
    }
  }

  /** The member that has waited for the longest time. */
  #take(): Member | undefined {
    if (this.#oldest === undefined) this.#turnRound();
    const member = this.#oldest;
    if (member === undefined) return undefined;
    this.#oldest = member.neighbour;
    member.neighbour = undefined;
    member.isQueued = false;
    return member;
  }

  #turnRound(): void {
    for (let member = this.#newest; member !== undefined;) {
      const before = member.neighbour;
      member.neighbour = this.#oldest;
      this.#oldest = member;
      member = before;
    }
    this.#newest = undefined;
  }
}

/** What was joined last: in one turn, clients of the same members get the same frames. */
let lastFrames: readonly Uint8Array[] = [];
let lastBytes: Uint8Array = new Uint8Array();

/** @param size that of all frames */
function joinFrames(frames: readonly Uint8Array[], size: number): Uint8Array {
  if (frames.length === 1) return frames[0] as Uint8Array;
  if (isSame(frames, lastFrames)) return lastBytes;
  const bytes = allocate(size);
  let offset = 0;
  for (const frame of frames) {
    bytes.set(frame, offset);
    offset += frame.length;
  }
  lastFrames = frames;
  lastBytes = bytes;
  return bytes;
}

function isSame(frames: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  if (frames.length !== others.length) return false;
  for (let index = 0; index < frames.length; index++) if (frames[index] !== others[index]) return false;
  return true;
}

/** Short writes share memory, since an array of their own costs more than their bytes. */
const SLAB_BYTES = 16_384;
let slab = new Uint8Array(SLAB_BYTES);
let used = 0;

function allocate(length: number): Uint8Array {
  if (length > SLAB_BYTES / 4) return new Uint8Array(length);
  if (used + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  used += length;
  return slab.subarray(used - length, used);
}
