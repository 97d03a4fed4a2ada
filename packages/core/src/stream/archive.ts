import type { Run } from "../log/slab.ts";
import type { StreamReader } from "./stream.ts";

/** The frames that the log no longer holds but a store still does. */
export interface Archive {
  /** The number of the oldest frame kept, as far as is known. */
  readonly first: number;
  /** Frames from number `from` on; `undefined` while they are being read: the reader is woken when they are here. */
  read(from: number, reader: StreamReader): Run | undefined;
}

/** How far readers may read a log whose newest frames are not stored yet. */
export interface HighWatermark {
  /** The number of the last frame that readers may have. */
  readonly last: number;
  /** Whether readers may have the end. */
  readonly ended: boolean;
}
