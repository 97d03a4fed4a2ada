import type { StreamHead } from "./head.ts";

/** Where a frame begins: how many bytes the frames of its life before it have. */
export type FrameOffset = readonly [seq: number, bytes: number];

/** A log is trimmed by parts of `keepBytes`. Two of them may be kept more, and the two frames where they begin. */
const PARTS = 16;

/**
 * Counts the bytes of frames that come behind `head.last`, and finds the first frame to keep.
 *
 * A store need not look at the sizes of what it has: the head notes an offset wherever another part begins. Positions in a
 * life never change, so frames that were not counted, or are gone already, make no offset wrong.
 */
export function limitBytes(
  head: StreamHead,
  frames: readonly Uint8Array[],
): Pick<StreamHead, "first" | "bytes" | "offsets"> {
  const { keepBytes, first, last, bytes: before = 0, offsets = [] } = head;
  if (keepBytes === undefined || frames.length === 0) return { first };
  const partSize = Math.ceil(keepBytes / PARTS);
  const partOf = (offset: number): number => Math.floor(offset / partSize);

  const bytes = frames.reduce((sum, { length }) => sum + length, before);
  if (partOf(bytes) === partOf(before)) return { first, bytes };

  const added: FrameOffset[] = [];
  let position = before;
  for (const [index, { length }] of frames.entries()) {
    const part = partOf(position);
    position += length;
    if (partOf(position) > part) added.push([last + index + 2, position]);
  }
  const all = [...offsets, ...added];
  const firstKept = all.findIndex(([, offset]) => bytes - offset < keepBytes);
  const [seq] = all[firstKept - 1] ?? [first];
  return { first: Math.max(first, seq), bytes, offsets: all.slice(firstKept) };
}
