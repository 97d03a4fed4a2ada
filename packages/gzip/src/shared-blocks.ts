import { deflate, WINDOW } from "./deflate.ts";

/*
 * Blocks that many clients share. A log writes its frames one after the other into memory that it never changes, and goes on in new
 * memory when that is full: what its readers get is a *line* of bytes. A block looks back only into bytes that every reader
 * of it has: those of its line since the last reset.
 */

/** A reset after so many blocks: who has joined since the last one, or got bytes of its own, gets larger blocks until then. */
const BLOCKS_PER_RESET = 100;
/** Blocks are kept for so many clients that are not level with the others. */
const KEPT_BLOCKS = 8;

/** Memory that is part of a line, up to an end: if it has bytes behind that, they are none of the line. */
interface Piece {
  readonly line: Line;
  readonly memory: ArrayBufferLike;
  /** The place of its first byte in the line. */
  readonly base: number;
  end: number;
}

interface KeptBlock {
  readonly start: number;
  readonly from: number;
  readonly to: number;
  readonly block: Uint8Array;
}

const pieces = new WeakMap<ArrayBufferLike, Piece>();

class Line {
  /** Behind the last byte that somebody has read. */
  end = 0;
  /** The newest pieces, as far as blocks look back. */
  #pieces: Piece[] = [];
  /** The newest blocks look back to this place at most. */
  #reset = 0;
  #blocks = 0;
  /** How many clients could read the newest block, and how many could not, as they do not have what it looks back to. */
  #level = 0;
  #behind = 0;
  readonly #kept: KeptBlock[] = [];

  add(memory: ArrayBufferLike): Piece {
    const piece = { line: this, memory, base: this.end, end: Infinity };
    const last = this.#pieces.at(-1);
    if (last !== undefined) last.end = this.end;
    this.#pieces = [...this.#pieces.filter(({ end }) => end > this.end - WINDOW), piece];
    pieces.set(memory, piece);
    return piece;
  }

  /** @param known from which place on the client has everything before these bytes, and nothing else in between */
  take(bytes: Uint8Array, from: number, known: number): Uint8Array {
    const to = from + bytes.length;
    if (from >= this.end) this.#advance(from);
    this.end = Math.max(this.end, to);
    const start = Math.min(this.#reset, from);
    const isLevel = start >= known;
    if (isLevel) this.#level++;
    else this.#behind++;
    return this.#block(bytes, isLevel ? start : from, from, to);
  }

  #advance(from: number): void {
    if (this.#blocks >= BLOCKS_PER_RESET || this.#behind > this.#level) {
      this.#reset = from;
      this.#blocks = 0;
    }
    this.#blocks++;
    this.#level = this.#behind = 0;
  }

  #block(bytes: Uint8Array, start: number, from: number, to: number): Uint8Array {
    const kept = this.#kept.find((each) => each.from === from && each.to === to && each.start === start);
    if (kept !== undefined) return kept.block;
    const block = deflate(bytes, this.#read(Math.max(start, from - WINDOW), from));
    if (this.#kept.unshift({ start, from, to, block }) > KEPT_BLOCKS) this.#kept.pop();
    return block;
  }

  /** The bytes between two places, as far as the memory is still known. */
  #read(from: number, to: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const { memory, base, end } of this.#pieces) {
      const [start, stop] = [Math.max(from, base), Math.min(to, end)];
      if (start < stop) parts.push(new Uint8Array(memory, start - base, stop - start));
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  }
}

/** One client of a line. */
export class LineReader {
  /** It has everything from `#from` to `#to` of this line, and nothing else in between. */
  #line: Line | undefined;
  #from = 0;
  #to = 0;

  /** Returns the block for these bytes, which it then has. */
  read(bytes: Uint8Array): Uint8Array {
    const { line, base } = this.#locate(bytes);
    const from = base + bytes.byteOffset;
    if (this.#line !== line || this.#to !== from) {
      this.#line = line;
      this.#from = from;
    }
    this.#to = from + bytes.length;
    return line.take(bytes, from, this.#from);
  }

  /** It gets bytes that are of no line. */
  leave(): void {
    this.#line = undefined;
  }

  #locate({ buffer, byteOffset, byteLength }: Uint8Array): Piece {
    const piece = pieces.get(buffer);
    if (piece !== undefined && piece.base + byteOffset + byteLength <= piece.end) return piece;
    // New memory goes on where the first reader of its first byte is, if nobody is ahead there.
    const isNext = byteOffset === 0 && this.#line !== undefined && this.#to === this.#line.end;
    return (isNext ? (this.#line as Line) : new Line()).add(buffer);
  }
}
