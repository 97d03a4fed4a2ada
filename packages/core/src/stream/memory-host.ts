import type { ResolvedStream } from "../connection/options.ts";
import type { SseEvent } from "../protocol/event.ts";
import type { Runtime } from "../protocol/runtime.ts";
import type { Stream } from "./stream.ts";
import type { HostedChannel, OpenedStream, StreamHost } from "./stream-host.ts";
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

  constructor(options: MemoryHostOptions) {
    this.#options = options;
  }

  open(id: string, options: ResolvedStream, sourced = false): OpenedStream {
    const stream = this.#options.table.add(id, "stream", options, { sourced });
    this.#options.onOpened(stream);
    return { stream };
  }

  channel(id: string): HostedChannel {
    this.#channelStream(id);
    return {
      find: () => this.#findChannel(id),
      push: (event: SseEvent) => void this.#channelStream(id).push(event),
    };
  }

  async cancel(id: string, reason: unknown): Promise<boolean> {
    const stream = this.#options.table.getLive(id);
    if (stream === undefined || stream.kind === "channel") return false;
    stream.abort("cancelled", reason);
    return true;
  }

  async close(): Promise<void> {
    // The table is cleared by the registry.
  }

  /** The channel's stream, which is created anew if it was forgotten. */
  #channelStream(id: string): Stream {
    const { table, defaults, onOpened } = this.#options;
    const held = table.getLive(id);
    if (held?.kind === "channel") return held;
    const stream = table.add(id, "channel", defaults);
    onOpened(stream);
    return stream;
  }

  /** What a client of the channel is served from. Without room for the channel it waits. */
  #findChannel(id: string): Stream | undefined {
    const { table, runtime } = this.#options;
    const held = table.getLive(id);
    if (held !== undefined) return held;
    try {
      return this.#channelStream(id);
    } catch (error) {
      runtime.report("failed", { id, stage: "source", error });
      return undefined;
    }
  }
}
