import { endedError, existsError, fullError, HoldfastError, takenOverError } from "../base/errors.ts";
import type { ResolvedStream } from "../connection/options.ts";
import type { SseEvent } from "../protocol/event.ts";
import { makeEpoch } from "../protocol/event-id.ts";
import type { Runtime } from "../protocol/runtime.ts";
import { LatestStream } from "./latest-stream.ts";
import type { Stream } from "./stream.ts";
import type { CancelOptions, HostedChannel, IfExists, OpenedStream, StreamHost } from "./stream-host.ts";
import { describeStream, type StreamInfo } from "./stream-info.ts";
import type { StreamTable } from "./stream-table.ts";

export interface MemoryHostOptions {
  readonly runtime: Runtime;
  readonly table: StreamTable;
  readonly defaults: ResolvedStream;
  /** Called with each stream that was opened here. */
  readonly onOpened: (stream: Stream) => void;
}

/** Streams that live in this process only. */
export class MemoryHost implements StreamHost {
  readonly look: undefined = undefined;
  readonly #options: MemoryHostOptions;
  /** Whether the observer was told that there is no room for a channel. */
  #isFull = false;

  constructor(options: MemoryHostOptions) {
    this.#options = options;
  }

  open(id: string, options: ResolvedStream, ifExists: IfExists, sourced = false): OpenedStream {
    const { table, onOpened } = this.#options;
    const held = table.get(id);
    if (held !== undefined && ifExists === "append") {
      const { end, kind } = held;
      if (end?.status === "done" || end?.status === "cancelled") throw endedError(id, end.status);
      if (end === undefined && kind === "stream") return this.#append(held, options, sourced);
    }
    const replaced = held?.end === undefined ? held : undefined;
    if (sourced && replaced === undefined && table.roomForSources <= 0) throw fullError();
    if (replaced !== undefined) this.#replace(replaced, ifExists);
    const stream = table.add(id, "stream", options, { sourced });
    const session = stream.startSession(stream.log.epoch, options.retryWindow);
    replaced?.moveReadersTo(stream);
    onOpened(stream);
    return { stream, session };
  }

  channel(id: string): HostedChannel {
    this.#findChannel(id);
    return {
      find: () => this.#options.table.getLive(id) ?? this.#findChannel(id),
      push: (event: SseEvent) => void this.#findChannel(id)?.push(event),
      delete: (key: string, event?: SseEvent) => {
        const held = this.#options.table.getLive(id);
        if (held instanceof LatestStream) held.delete(key, event);
      },
    };
  }

  async find(id: string): Promise<StreamInfo | undefined> {
    const stream = this.#options.table.get(id);
    return stream && describeStream(stream);
  }

  async cancel(id: string, reason: unknown, { grace = 0 }: CancelOptions = {}): Promise<boolean> {
    const stream = this.#options.table.getLive(id);
    if (stream === undefined || stream.kind === "channel") return false;
    cancelHere(stream, reason, grace, this.#options.runtime);
    return true;
  }

  watchKey(): () => void {
    return () => undefined;
  }

  async disconnect(): Promise<void> {
    // The connections are in this process only, where the registry drains them.
  }

  async close(): Promise<void> {
    // The table is cleared by the registry.
  }

  #append(stream: Stream, { retryWindow }: ResolvedStream, sourced: boolean): OpenedStream {
    const { runtime, table } = this.#options;
    if (!sourced) table.adopt(stream);
    stream.markActive(runtime.clock.now());
    const session = stream.startSession(makeEpoch(runtime.random), retryWindow, takenOverError(stream.id));
    runtime.report("streamOpened", { id: stream.id, epoch: session.epoch });
    return { stream, session };
  }

  /** A live stream gives way if it may; one that is interrupted always does. */
  #replace(stream: Stream, ifExists: IfExists): void {
    const mayReplace = ifExists === "replace" || stream.session === undefined;
    if (stream.kind === "channel" || !mayReplace) throw existsError(stream);
    stream.revokeSession(takenOverError(stream.id));
    this.#options.table.forget(stream);
  }

  /**
   * The channel's stream, which is created anew if it was forgotten. `undefined` if there is no room: then clients wait, and
   * pushes are dropped.
   *
   * @throws `STREAM_EXISTS`
   */
  #findChannel(id: string): Stream | undefined {
    const { table, defaults, onOpened, runtime } = this.#options;
    const held = table.getLive(id);
    if (held?.kind === "channel") return held;
    try {
      const stream = table.add(id, "channel", defaults);
      this.#isFull = false;
      onOpened(stream);
      return stream;
    } catch (error) {
      if (!HoldfastError.is(error) || error.code !== "LIMIT_EXCEEDED") throw error;
      if (!this.#isFull) runtime.report("failed", { id, stage: "source", error });
      this.#isFull = true;
      return undefined;
    }
  }
}

/** Cancels a stream whose producer, if it has one, is in this process. */
export function cancelHere(stream: Stream, reason: unknown, grace: number, { clock }: Runtime): void {
  if (grace === 0 || stream.session === undefined) return stream.abort("cancelled", reason);
  const cancelTimer = clock.after(grace, () => stream.abort("cancelled", reason));
  stream.requestCancel({ reason, until: clock.now() + grace, cancelTimer });
}
