import type { CloseReason, Gauges, Observer } from "@holdfast/core";
import type { BareRuns } from "./bare-sources.ts";

/** What a test server observed. */
export interface Observed {
  readonly gauges: Gauges;
  /** Calls of the adapter. */
  readonly calls: number;
  /** Those that have not settled. */
  readonly pendingCalls: number;
  /** The codes or messages that calls of the adapter were rejected with. */
  readonly rejected: readonly string[];
  readonly opened: number;
  /** In the order in which the connections closed. */
  readonly closed: readonly { readonly reason: CloseReason; readonly events: number }[];
  readonly failed: readonly { readonly stage: string; readonly message: string }[];
  readonly resets: number;
  /** Calls of the snapshot function. */
  readonly snapshots: number;
  readonly runs: BareRuns;
}

/** Records what happens on a test server. */
export class Recorder {
  readonly runs: BareRuns = { begun: 0, pulled: 0, finished: 0, aborted: 0 };
  calls = 0;
  pendingCalls = 0;
  snapshots = 0;
  readonly rejected: string[] = [];
  readonly #closed: { reason: CloseReason; events: number }[] = [];
  readonly #failed: { stage: string; message: string }[] = [];
  #opened = 0;
  #resets = 0;

  readonly observer: Observer = {
    connectionOpened: () => void this.#opened++,
    connectionClosed: ({ reason, events }) => void this.#closed.push({ reason, events }),
    failed: ({ stage, error }) => void this.#failed.push({ stage, message: (error as Error).message }),
    reset: () => void this.#resets++,
  };

  clearFailures(): void {
    this.#failed.length = 0;
    this.rejected.length = 0;
  }

  observed(gauges: Gauges): Observed {
    return {
      gauges,
      calls: this.calls,
      pendingCalls: this.pendingCalls,
      rejected: this.rejected,
      opened: this.#opened,
      closed: this.#closed,
      failed: this.#failed,
      resets: this.#resets,
      snapshots: this.snapshots,
      runs: this.runs,
    };
  }
}
