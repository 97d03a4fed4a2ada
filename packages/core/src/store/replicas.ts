import { HoldfastError, toHoldfastError } from "../base/errors.ts";
import type { ResolvedStream } from "../connection/options.ts";
import type { Stream, StreamHooks, StreamKind } from "../stream/stream.ts";
import type { LookupResult } from "../stream/stream-host.ts";
import type { StreamTable } from "../stream/stream-table.ts";
import { PAGE, PageCache } from "./page-cache.ts";
import { Replica } from "./replica.ts";
import type { StoreMeta } from "./store.ts";
import type { StoreChannels } from "./store-channels.ts";
import type { StoreClient } from "./store-client.ts";
import type { StoreWatcher } from "./store-watcher.ts";

export interface ReplicasOptions {
  readonly client: StoreClient;
  readonly watcher: StoreWatcher;
  readonly channels: StoreChannels;
  readonly table: StreamTable;
  readonly defaults: ResolvedStream;
  /** Starts a stream for the readers in this process; `undefined` without a source. */
  readonly restartSource: ((id: string) => void) | undefined;
}

/** The streams and channels of the store that are read in this process. */
export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #replicas = new Map<Stream, Replica>();

  constructor(options: ReplicasOptions) {
    this.#options = options;
  }

  /** The store is back. */
  refresh(): void {
    for (const replica of this.#replicas.values()) replica.refresh();
  }

  /**
   * Looks an id up in the store; a channel is created if it is not there.
   *
   * @throws `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  async look(id: string, kind: StreamKind): Promise<LookupResult> {
    const { client, channels, table } = this.#options;
    const held = table.getLive(id);
    if (held !== undefined && table.isReplica(held)) {
      await this.#replicas.get(held)?.catchUp();
      // Just after an outage a producer may not have sent everything, as it may not have renewed its lease.
      if (!client.health.canExpireLeases) {
        throw new HoldfastError("STORE_UNAVAILABLE", "The store has just come back.", { retryable: true });
      }
      const stream = table.get(id);
      if (stream !== undefined) return { state: "here", stream };
      // It was forgotten meanwhile, since its last reader has left.
    }
    let page = await client.read(id, null, PAGE);
    if (page.code === "missing" && kind === "channel") {
      await channels.open(id);
      page = await client.read(id, null, PAGE);
    }
    if (page.code === "missing") return { state: "missing" };
    try {
      const stream = this.#getOrCreate(id, page.meta, page.code === "ok" ? page.frames : []);
      return { state: "here", stream };
    } catch (error) {
      return { state: "full", error: toHoldfastError(error) };
    }
  }

  /** The readers of a stream that is no longer current continue with what the store has of its id. */
  moveReaders(old: Stream, meta: StoreMeta): void {
    const { table, client } = this.#options;
    const { id } = old;
    table.forget(old);
    try {
      old.moveReadersTo(this.#getOrCreate(id, meta, []));
    } catch (error) {
      client.report("failed", { id, stage: "store", error });
      old.finish("lost");
    }
  }

  /** The stream as it is held here, or a new replica of it. */
  #getOrCreate(id: string, meta: StoreMeta, frames: readonly Uint8Array[]): Stream {
    const held = this.#options.table.get(id);
    if (held === undefined || (held.end !== undefined && held.log.epoch !== meta.epoch)) {
      return this.#create(id, meta, frames);
    }
    // A replica of another life finds out by itself, and moves its readers.
    if (held.log.epoch !== meta.epoch) this.#replicas.get(held)?.refresh();
    return held;
  }

  /** @param frames the first that the store has; the log begins with them if they are all, else behind the last */
  #create(id: string, meta: StoreMeta, frames: readonly Uint8Array[]): Stream {
    const { client, watcher, channels, table, defaults, restartSource } = this.#options;
    const { epoch, kind, first, last } = meta;
    const stop = (): void => {
      unwatch();
      replica.stop();
    };
    const hooks: StreamHooks = {
      changed: (stream) => table.changed(stream),
      resized: (stream, bytes) => table.resized(stream, bytes),
      ended(stream) {
        table.startLinger(stream);
        stop();
      },
      interruptionChanged: (stream) => table.interruptionChanged(stream),
      readersChanged: (stream) => table.readersChanged(stream),
    };
    const onForgotten = (): void => {
      stop();
      this.#replicas.delete(stream);
    };
    const backing = { epoch, hooks, isReplica: true, stored: () => stream.log.last, onForgotten };
    const stream = table.add(id, kind, defaults, { backing });
    stream.continueFrom(epoch, meta.joints ?? [], 0);
    const pages = new PageCache(client, stream, first, () => stream.end === undefined);
    stream.useStore(pages);
    const replica = new Replica(
      {
        channelTtl: channels.ttl,
        restartSource,
        moved: (old, moved) => this.moveReaders(old.stream, moved),
        reopenChannel: (channelId) => channels.open(channelId),
        channelWentBack: (channelId, oldEpoch) => channels.deleteLife(channelId, oldEpoch),
      },
      client,
      stream,
      pages,
    );
    this.#replicas.set(stream, replica);
    const unwatch = watcher.watch(id, () => replica.refresh());
    const isWhole = frames.length === last - first + 1;
    replica.apply(meta, isWhole ? first - 1 : last, isWhole ? frames : []);
    replica.refresh();
    return stream;
  }
}
