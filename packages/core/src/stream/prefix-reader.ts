// Tested by test/stream/snapshot-prefix.test.ts.

import { concatFrames } from "../protocol/control-events.ts";
import type { SnapshotPrefix } from "./snapshot.ts";

/** Whole events, to be written at once. */
export interface PrefixPage {
  readonly bytes: Uint8Array;
  readonly events: number;
}

/** Up to this size together, the first page is one write with the frames before it. */
const MAX_JOINED_BYTES = 65_536;

/** The position of one client in a snapshot prefix, which it shares with others. */
export class PrefixReader {
  readonly #log: SnapshotPrefix["log"];
  readonly #release: () => void;
  #next = 1;

  constructor({ log, memory }: SnapshotPrefix) {
    this.#log = log;
    this.#release = memory.hold() ?? (() => undefined);
  }

  /** Whether everything is read. */
  get isOver(): boolean {
    return this.#next > this.#log.last;
  }

  /** The next events; there MUST be some. The memory is released with the last of them. */
  read(): PrefixPage {
    const { bytes, last } = this.#log.read(this.#next, this.#log.last);
    const events = last - this.#next + 1;
    this.#next = last + 1;
    if (this.isOver) this.release();
    return { bytes, events };
  }

  /** The next events behind other frames, in one write; only these frames if that would be too large. */
  readBehind(frames: Uint8Array): PrefixPage {
    const next = this.#log.read(this.#next, this.#log.last);
    if (frames.length + next.bytes.length > MAX_JOINED_BYTES) return { bytes: frames, events: 0 };
    const { bytes, events } = this.read();
    return { bytes: concatFrames([frames, bytes]), events };
  }

  /** Idempotent. */
  release(): void {
    this.#release();
  }
}
