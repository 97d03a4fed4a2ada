import type { EndStatus } from "../protocol/reasons.ts";
import type { Stream } from "./stream.ts";

/** What is known of a stream. */
export interface StreamInfo {
  /** The id that the stream was opened under. */
  readonly id: string;
  /** The epoch of the newest events. */
  readonly epoch: string;
  /** A stream has one producer and an end, a channel many producers and no end. */
  readonly kind: "stream" | "channel";
  /** `interrupted`: it has no producer, and waits for one for `retryWindow`. */
  readonly status: "live" | "interrupted" | EndStatus;
  /** The number of the oldest event held; `last + 1` when none is. */
  readonly first: number;
  /** The number of the newest event; 0 before the first. */
  readonly last: number;
  /** The bytes held in this process, overhead included. */
  readonly bytes: number;
  /** How many connections of this process read it now. */
  readonly readers: number;
}

export function describeStream({ id, kind, log, end, interruption, readers }: Stream): StreamInfo {
  const { epoch, first, last, bytes } = log;
  const status = end?.status ?? (interruption === undefined ? "live" : "interrupted");
  return { id, epoch, kind, status, first, last, bytes, readers: readers.size };
}
