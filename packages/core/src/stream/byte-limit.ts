// Tested by test/registry/limits.test.ts.
import type { Runtime } from "../protocol/runtime.ts";
import { SizeClasses } from "./size-classes.ts";
import type { Stream } from "./stream.ts";

export interface ByteLimitOptions {
  readonly runtime: Runtime;
  readonly limit: number;
  /** The number of the last event that may be dropped: a store has it, or there is no store. */
  readonly lastStored: (stream: Stream) => number;
}

/** The bytes of all logs, and of what waits for a store: kept under a limit by dropping the oldest events of the largest logs. */
export class ByteLimit {
  readonly #options: ByteLimitOptions;
  readonly #sizes = new SizeClasses();
  #bytes = 0;
  /** Whether the observer was told that logs are trimmed. */
  #isTrimmed = false;

  constructor(options: ByteLimitOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isOver(): boolean {
    return this.#bytes > this.#options.limit;
  }

  /** The size of a log has changed; 0 when it is no longer held. */
  resize(stream: Stream, before: number, after: number): void {
    this.#sizes.resize(stream, before, after);
    this.#bytes += after - before;
  }

  /** Bytes wait for a store, or no longer do. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /**
   * Drops the oldest events of the largest logs, except those that a store does not have yet, and the newest one of the
   * stream that has grown.
   */
  trim(grown: Stream | undefined): void {
    const { limit, lastStored, runtime } = this.#options;
    if (!this.isOver) return;
    for (const stream of this.#sizes.largestFirst()) {
      const excess = this.#bytes - limit;
      if (excess <= 0) return;
      const { log, id } = stream;
      const before = log.bytes;
      log.trim(excess, Math.min(lastStored(stream), stream === grown ? log.last - 1 : log.last));
      this.resize(stream, before, log.bytes);
      if (this.#isTrimmed || log.bytes === before) continue;
      this.#isTrimmed = true;
      const message =
        "The registry has reached its limit of `bytes`: the largest streams lose their oldest events.";
      runtime.report("warned", { id, message });
    }
  }
}
