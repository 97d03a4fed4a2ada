// Types only. Tested by test/store.
import type { StreamHooks } from "./stream.ts";

/** How a stream is held whose log is shared through a store. */
export interface StoreBacking {
  readonly epoch: string;
  /** Called instead of the table's hooks, and calls those of them that the table needs. */
  readonly hooks: StreamHooks;
  /** Whether the producer is in another process: the stream is held for its readers only. */
  readonly isReplica: boolean;
  /** The number of the last frame that the store has. */
  readonly stored: () => number;
  /** The table no longer holds the stream. */
  readonly onForgotten: () => void;
}
