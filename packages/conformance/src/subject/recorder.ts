import type { CloseInfo, CloseReason, ConnectionLabels, Gauges, Observer } from "@holdfast/core";
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
  /** What `onClose` was called with: it is passed with every call of the adapter. */
  readonly closeInfos: readonly CloseInfo[];
  /** The keys of the connections that the observer's callbacks were called for, by the name of the callback. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
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
  readonly closeInfos: CloseInfo[] = [];
  readonly #keys: Record<string, string[]> = {};
  readonly #closed: { reason: CloseReason; events: number }[] = [];
  readonly #failed: { stage: string; message: string }[] = [];
  #opened = 0;
  #resets = 0;

  readonly observer: Observer = {
    connectionOpened: (info) => {
      this.#opened++;
      this.#addKey("connectionOpened", info);
    },
    connectionClosed: (info) => {
      this.#closed.push({ reason: info.reason, events: info.events });
      this.#addKey("connectionClosed", info);
    },
    delivered: (info) => this.#addKey("delivered", info),
    heartbeat: (info) => this.#addKey("heartbeat", info),
    replayed: (info) => this.#addKey("replayed", info),
    failed: (info) => {
      this.#failed.push({ stage: info.stage, message: (info.error as Error).message });
      this.#addKey("failed", info);
    },
    reset: (info) => {
      this.#resets++;
      this.#addKey("reset", info);
    },
  };

  #addKey(callback: string, { key }: ConnectionLabels): void {
    if (key !== undefined) (this.#keys[callback] ??= []).push(key);
  }

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
      closeInfos: this.closeInfos,
      keys: this.#keys,
      failed: this.#failed,
      resets: this.#resets,
      snapshots: this.snapshots,
      runs: this.runs,
    };
  }
}
