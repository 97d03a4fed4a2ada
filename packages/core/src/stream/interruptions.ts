import type { Runtime } from "../protocol/runtime.ts";
import type { SnapshotOutcome, SnapshotPoller } from "./snapshot-poller.ts";
import type { Interruption } from "./interruption.ts";
import type { Stream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";

export interface InterruptionsOptions {
  readonly runtime: Runtime;
  readonly table: StreamTable;
  readonly snapshots: SnapshotPoller | undefined;
  /** For how long an interruption may last at most, however often it is prolonged, in ms. */
  readonly idle: number;
}

interface Entry {
  readonly interruption: Interruption;
  readonly since: number;
  cancelTimer: () => void;
  /** Stops asking the snapshot; `undefined` while nobody reads. */
  leavePoller: (() => void) | undefined;
  /** Whether the window is over, and only an answer that is under way is waited for. */
  isOver: boolean;
}

/**
 * Ends interrupted streams whose window is over. While such a stream has readers, the service's database is asked what has
 * become of it: it may say that the stream is finished, or that it is still running.
 */
export class Interruptions {
  readonly #options: InterruptionsOptions;
  readonly #entries = new Map<Stream, Entry>();

  constructor(options: InterruptionsOptions) {
    this.#options = options;
  }

  /** The stream was interrupted, has a producer again, has ended, or its readers have changed. */
  update(stream: Stream): void {
    const { interruption } = stream;
    const entry = this.#entries.get(stream);
    const isHeld = this.#options.table.has(stream);
    if (entry !== undefined && (!isHeld || entry.interruption !== interruption)) this.#remove(stream, entry);
    if (interruption === undefined || !isHeld) return;
    this.#poll(stream, this.#entries.get(stream) ?? this.#add(stream, interruption));
  }

  #add(stream: Stream, interruption: Interruption): Entry {
    const entry: Entry = {
      interruption,
      since: this.#options.runtime.clock.now(),
      cancelTimer: () => undefined,
      leavePoller: undefined,
      isOver: false,
    };
    this.#entries.set(stream, entry);
    this.#startWindow(stream, entry, interruption.window);
    return entry;
  }

  #remove(stream: Stream, entry: Entry): void {
    this.#entries.delete(stream);
    entry.cancelTimer();
    entry.leavePoller?.();
    entry.leavePoller = undefined;
  }

  #startWindow(stream: Stream, entry: Entry, ms: number): void {
    entry.cancelTimer();
    entry.isOver = false;
    if (ms === Infinity) return;
    entry.cancelTimer = this.#options.runtime.clock.after(ms, () => {
      entry.isOver = true;
      if (entry.leavePoller === undefined || !this.#options.snapshots?.isAsking(stream.id)) this.#end(stream);
    });
  }

  #end(stream: Stream): void {
    const { error, expire } = stream.interruption ?? {};
    if (expire === undefined) stream.finish(error === undefined ? "lost" : "failed", error);
    else expire();
  }

  #poll(stream: Stream, entry: Entry): void {
    const { snapshots } = this.#options;
    if (stream.readers.size > 0) {
      // What was asked before the interruption does not count.
      entry.leavePoller ??= snapshots?.join(
        stream.id,
        (outcome) => this.#onSnapshot(stream, entry, outcome),
        { isFresh: true },
      );
    } else {
      entry.leavePoller?.();
      entry.leavePoller = undefined;
      if (entry.isOver) this.#end(stream);
    }
  }

  /** An answer counts only if nobody has opened the stream meanwhile. */
  #onSnapshot(stream: Stream, entry: Entry, outcome: SnapshotOutcome): void {
    if (this.#entries.get(stream) !== entry) return;
    const { runtime, table, idle } = this.#options;
    if (outcome.state === "finished") {
      table.forget(stream);
      stream.moveReadersTo(outcome.stream);
      stream.finish(outcome.stream.end?.status ?? "done");
    } else if (outcome.state === "running" || outcome.state === "pending") {
      const left = entry.since + idle - runtime.clock.now();
      this.#startWindow(stream, entry, Math.min(entry.interruption.window, left));
    } else if (entry.isOver) this.#end(stream);
  }
}
