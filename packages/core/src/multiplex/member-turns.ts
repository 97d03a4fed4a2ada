// Tested by test/multiplex/multiplex.test.ts.

import type { Connection } from "../connection/connection.ts";
import type { DrainReason } from "../protocol/reasons.ts";
import type { Member } from "./member.ts";

/** After so many bytes a write is over, as for one stream; the turn of a member is not split. */
const WRITE_BYTES = 65_536;

/** Whose turn it is to write, and what the next write has. */
export class MemberTurns {
  readonly #queue: Member[] = [];
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #events = 0;
  /** The member of the last block, if the next one of it needs no `stream.member`. */
  #current: Member | undefined;

  /** Whether there is nothing to write, and nobody waits for a turn. */
  get isEmpty(): boolean {
    return this.#queue.length + this.#frames.length === 0;
  }

  request(member: Member): void {
    if (member.isQueued) return;
    member.isQueued = true;
    this.#queue.push(member);
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
        const member = this.#queue.shift();
        if (member === undefined) break;
        member.isQueued = false;
        if (member.takeTurn(flush)) this.request(member);
      }
      if (this.#frames.length === 0) return;
      const [bytes, events] = [joinFrames(this.#frames), this.#events];
      this.#frames = [];
      this.#bytes = this.#events = 0;
      connection.write(bytes, events);
    }
  }
}

/** What was joined last: in one turn, clients of the same members get the same frames. */
let last: { readonly frames: readonly Uint8Array[]; readonly bytes: Uint8Array } | undefined;

function joinFrames(frames: readonly Uint8Array[]): Uint8Array {
  const isSame =
    last?.frames.length === frames.length && frames.every((frame, i) => frame === last?.frames[i]);
  if (last === undefined || !isSame) last = { frames, bytes: concat(frames) };
  return last.bytes;
}

function concat(frames: readonly Uint8Array[]): Uint8Array {
  if (frames.length === 1) return frames[0] as Uint8Array;
  const bytes = allocate(frames.reduce((size, { length }) => size + length, 0));
  let offset = 0;
  for (const frame of frames) {
    bytes.set(frame, offset);
    offset += frame.length;
  }
  return bytes;
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
