import { constants, deflateRawSync } from "node:zlib";

/*
 * Blocks of deflate (RFC 1951) that end at a whole byte, so that a response is a sequence of them.
 */

/** With more than 8 KiB to look back to, a block costs more and is hardly smaller. */
const WINDOW_BITS = 13;
/** How far a block looks back, in bytes. */
export const WINDOW: number = 1 << WINDOW_BITS;
/** Of 256 KiB by default, the compressor clears most before each block. */
const MEMORY_LEVEL = 4;
const LARGEST_STORED = 65_535;

/** @param before what a reader of the block has got last, of which it may use {@link WINDOW} bytes */
export function deflate(bytes: Uint8Array, before: Uint8Array): Uint8Array {
  const block = deflateRawSync(bytes, {
    windowBits: WINDOW_BITS,
    memLevel: MEMORY_LEVEL,
    // One piece for most events, without much that is allocated and not used.
    chunkSize: Math.max(256, bytes.length >> 1),
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(before.length > 0 && { dictionary: before }),
  });
  return block.length < bytes.length ? block : store(bytes);
}

/** Stored blocks (RFC 1951, section 3.2.4), which are not compressed. */
export function store(bytes: Uint8Array): Uint8Array {
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
