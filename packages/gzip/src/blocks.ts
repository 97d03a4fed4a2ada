import { constants, deflateRawSync } from "node:zlib";

/*
 * Blocks of deflate (RFC 1951) that end at a whole byte, so that a response is a sequence of them. A block looks back only into
 * bytes that every reader of it has: those since the last reset of its memory.
 */

/** How far a block looks back, in bytes: 2 ** 13. With more, it costs more and is hardly smaller. */
const WINDOW_BITS = 13;
const WINDOW = 1 << WINDOW_BITS;
/** Of 256 KiB by default, the compressor clears most before each block. */
const MEMORY_LEVEL = 4;
/** A reset after so many blocks: who has joined since the last one, or got bytes of its own, gets larger blocks until then. */
const BLOCKS_PER_RESET = 100;
/** Blocks are kept for so many clients that are not level with the others. */
const KEPT_BLOCKS = 8;
const LARGEST_STORED = 65_535;

interface KeptBlock {
  readonly start: number;
  readonly from: number;
  readonly to: number;
  readonly block: Uint8Array;
}

/** The blocks of one piece of memory in which a log keeps its frames, one after the other. */
class MemoryBlocks {
  readonly #memory: ArrayBufferLike;
  /** The newest blocks look back to this offset at most. */
  #reset = 0;
  /** Where the newest block ends. */
  #head = 0;
  #blocks = 0;
  /** How many clients got the newest block, and how many could not, as they do not have what it looks back to. */
  #level = 0;
  #behind = 0;
  readonly #kept: KeptBlock[] = [];

  constructor(memory: ArrayBufferLike) {
    this.#memory = memory;
  }

  /** @param known from where on the client has all bytes up to `from`, and nothing else in between */
  take(from: number, to: number, known: number): Uint8Array {
    if (from >= this.#head) this.#advance(from, to);
    const start = Math.min(this.#reset, from);
    const isLevel = start >= known;
    if (isLevel) this.#level++;
    else this.#behind++;
    return this.#block(isLevel ? start : from, from, to);
  }

  #advance(from: number, to: number): void {
    if (this.#blocks >= BLOCKS_PER_RESET || this.#behind > this.#level) {
      this.#reset = from;
      this.#blocks = 0;
    }
    this.#blocks++;
    this.#head = to;
    this.#level = this.#behind = 0;
  }

  #block(start: number, from: number, to: number): Uint8Array {
    const kept = this.#kept.find((each) => each.from === from && each.to === to && each.start === start);
    if (kept !== undefined) return kept.block;
    const before = new Uint8Array(
      this.#memory,
      Math.max(start, from - WINDOW),
      Math.min(from - start, WINDOW),
    );
    const block = deflate(new Uint8Array(this.#memory, from, to - from), before);
    if (this.#kept.unshift({ start, from, to, block }) > KEPT_BLOCKS) this.#kept.pop();
    return block;
  }
}

const memories = new WeakMap<ArrayBufferLike, MemoryBlocks>();

/**
 * The block for bytes that many clients may get, compressed once for all that can read the same one.
 *
 * @param known from which offset of their memory on the client has all bytes before these, and nothing else in between
 */
export function sharedBlock({ buffer, byteOffset, byteLength }: Uint8Array, known: number): Uint8Array {
  let blocks = memories.get(buffer);
  if (blocks === undefined) memories.set(buffer, (blocks = new MemoryBlocks(buffer)));
  return blocks.take(byteOffset, byteOffset + byteLength, known);
}

function deflate(bytes: Uint8Array, before: Uint8Array): Uint8Array {
  const block = deflateRawSync(bytes, {
    windowBits: WINDOW_BITS,
    memLevel: MEMORY_LEVEL,
    // One piece for most events, without much that is allocated and not used.
    chunkSize: Math.max(256, bytes.length >> 1),
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(before.length > 0 && { dictionary: before }),
  });
  return block.length < bytes.length ? block : storedBlock(bytes);
}

/** Stored blocks (RFC 1951, section 3.2.4). */
export function storedBlock(bytes: Uint8Array): Uint8Array {
  const count = Math.max(1, Math.ceil(bytes.length / LARGEST_STORED));
  const block = new Uint8Array(bytes.length + 5 * count);
  for (let index = 0, at = 0; index < count; index++) {
    const part = bytes.subarray(index * LARGEST_STORED, (index + 1) * LARGEST_STORED);
    const { length } = part;
    block.set([0, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255], at);
    block.set(part, at + 5);
    at += 5 + length;
  }
  return block;
}
