import { closedError, existsError, fullError, takenOverError } from "../base/errors.ts";
import { callWithTimeout } from "../base/timed-call.ts";
import type { ResolvedStream } from "../connection/options.ts";
import type { Runtime } from "../protocol/runtime.ts";
import type { CancelRequest } from "../stream/producer-session.ts";
import type { Stream, StreamHooks } from "../stream/stream.ts";
import type {
  CancelOptions,
  HostedChannel,
  IfExists,
  OpenedStream,
  StreamHost,
} from "../stream/stream-host.ts";
import { cancelHere } from "../stream/memory-host.ts";
import { describeStream, type StreamInfo } from "../stream/stream-info.ts";
import type { StreamTable } from "../stream/stream-table.ts";
import { PageCache } from "./page-cache.ts";
import { Replicas } from "./replicas.ts";
import type { Store, StoreMeta } from "./store.ts";
import { StoreChannels } from "./store-channels.ts";
import { CALL_TIMEOUT, LEASE, StoreClient } from "./store-client.ts";
import type { HealthKind } from "./store-health.ts";
import { StoreMarker } from "./store-marker.ts";
import { isInterrupted, toStoreLimits, toStoreWindow } from "./store-options.ts";
import { StorePoller } from "./store-poller.ts";
import { StoreWatcher } from "./store-watcher.ts";
import { type Claim, StreamClaims } from "./stream-claims.ts";
import { StreamProducer } from "./stream-producer.ts";

export interface StreamBrokerOptions {
  readonly runtime: Runtime;
  readonly table: StreamTable;
  readonly defaults: ResolvedStream;
  /** Called with each stream that was opened here. */
  readonly onOpened: (stream: Stream) => void;
  readonly store: Store;
  /** `stored`: readers get only what the store has. */
  readonly durability: "local" | "stored";
  readonly lifecycle: { readonly isClosing: boolean };
  /** Starts a stream for the readers in this process; `undefined` without a source. */
  readonly restartSource: ((id: string) => void) | undefined;
}

/**
 * Streams in a store that several processes share: this process produces some, pushes to channels, and holds replicas of
 * what is produced elsewhere and read here.
 */
export class StreamBroker implements StreamHost {
  readonly look: NonNullable<StreamHost["look"]>;
  readonly #options: StreamBrokerOptions;
  readonly #client: StoreClient;
  readonly #watcher: StoreWatcher;
  readonly #poller: StorePoller;
  readonly #claims: StreamClaims;
  readonly #channels: StoreChannels;
  readonly #replicas: Replicas;
  readonly #producers = new Map<string, StreamProducer>();
  /** The ids that are being opened. */
  readonly #opening = new Set<string>();
  /** How many of them are opened for a source. */
  #openingSources = 0;

  constructor(options: StreamBrokerOptions) {
    const { runtime, store, table, defaults, restartSource } = options;
    this.#options = options;
    const client = new StoreClient(store, runtime, (kinds) => this.#onStoreBack(kinds));
    const watcher = new StoreWatcher(store);
    const channels = new StoreChannels(client, table, defaults);
    const replicas = new Replicas({ client, watcher, channels, table, defaults, restartSource });
    this.#client = client;
    this.#watcher = watcher;
    this.#channels = channels;
    this.#replicas = replicas;
    const marker = new StoreMarker(client, watcher, () => this.#renewLeases());
    this.#claims = new StreamClaims(client, marker, defaults);
    this.#poller = new StorePoller({ client, watcher, look: (id, kind) => replicas.look(id, kind) });
    this.look = (...args) => this.#poller.join(...args);
  }

  async open(
    id: string,
    options: ResolvedStream,
    ifExists: IfExists,
    sourced = false,
  ): Promise<OpenedStream> {
    const { table, lifecycle } = this.#options;
    const session = table.getLive(id)?.session;
    if ((session !== undefined && ifExists === "throw") || this.#opening.has(id)) {
      throw existsError({ id, kind: "stream" });
    }
    const isNewSource = sourced && table.getLive(id) === undefined;
    if (isNewSource && table.roomForSources <= this.#openingSources) throw fullError();
    if (isNewSource) this.#openingSources++;
    this.#opening.add(id);
    try {
      // What was pushed here before is kept, and the end or the interruption may still be on its way.
      const producer = this.#producers.get(id);
      if (session === undefined) await producer?.backlog.settled;
      else if (producer !== undefined) await this.#flush(producer);
      const claim = await this.#claims.claim(id, options, ifExists);
      try {
        if (lifecycle.isClosing) throw closedError();
        return this.#produce(id, claim, options, sourced);
      } catch (error) {
        this.#claims.abandon(id, claim, toStoreWindow(options.retryWindow));
        throw error;
      }
    } finally {
      if (isNewSource) this.#openingSources--;
      this.#opening.delete(id);
    }
  }

  /** A channel is in the store: here it is held only while it has readers. */
  channel(id: string): HostedChannel {
    const { table } = this.#options;
    this.#checkChannel(id);
    return {
      find: () => table.get(id),
      push: (event) => {
        this.#checkChannel(id);
        this.#channels.push(id, event);
      },
    };
  }

  async cancel(id: string, reason: unknown, { grace = 0 }: CancelOptions = {}): Promise<boolean> {
    const { table, runtime } = this.#options;
    const held = table.getLive(id);
    if (held?.kind === "channel") return false;
    if (held === undefined || table.isReplica(held)) {
      return this.#claims.cancel(id, reason === undefined ? "" : String(reason as string), grace);
    }
    cancelHere(held, reason, grace, runtime);
    return true;
  }

  async find(id: string): Promise<StreamInfo | undefined> {
    const { table } = this.#options;
    const live = table.getLive(id);
    if (live !== undefined && !table.isReplica(live)) return describeStream(live);
    const page = await this.#client.readHead(id);
    const held = table.get(id);
    if (page.code === "missing") return held?.end === undefined ? undefined : describeStream(held);
    const { kind, epoch, first, last, end } = page.meta;
    const status = end?.status ?? (isInterrupted(page.meta) ? "interrupted" : "live");
    const bytes = held?.log.bytes ?? 0;
    const readers = held?.readers.size ?? 0;
    return { id, kind, epoch, status, first, last, bytes, readers };
  }

  watchKey(key: string, onDisconnect: () => void): () => void {
    return this.#watcher.watch(keyId(key), (hint) => {
      if (hint === "disconnect") onDisconnect();
    });
  }

  disconnect(key: string): Promise<void> {
    return this.#client.disconnect(keyId(key));
  }

  async close(until: number): Promise<void> {
    const { clock } = this.#options.runtime;
    const settled = Promise.all([
      ...Array.from(this.#producers.values(), ({ backlog }) => backlog.settled),
      this.#channels.settled(),
    ]);
    let cancelTimer = (): void => undefined;
    const deadline = new Promise<void>((resolve) => {
      cancelTimer = clock.after(Math.max(0, until - clock.now()), resolve);
    });
    await Promise.race([settled, deadline]);
    cancelTimer();
    for (const producer of this.#producers.values()) producer.giveUp();
    this.#channels.stop();
    this.#watcher.close();
    this.#client.close();
  }

  /** Waits until the store has what was pushed so far, or does not answer. */
  async #flush(producer: StreamProducer): Promise<void> {
    await callWithTimeout(this.#client.clock, CALL_TIMEOUT, () => producer.backlog.flushed()).result.catch(
      () => undefined,
    );
  }

  /** Producers whose appends have failed are back already: they have queued for it. */
  #onStoreBack(kinds: ReadonlySet<HealthKind>): void {
    const mayHaveLostData = kinds.has("connection");
    if (mayHaveLostData) this.#renewLeases();
    if (mayHaveLostData || kinds.has("read")) this.#replicas.refresh();
    this.#poller.refresh();
  }

  #renewLeases(): void {
    for (const producer of this.#producers.values()) producer.renewSoon();
  }

  /** @throws `STREAM_EXISTS` when the id is known here to be a live stream's */
  #checkChannel(id: string): void {
    const held = this.#options.table.getLive(id);
    if (held?.kind === "stream") throw existsError(held);
  }

  #produce(id: string, claim: Claim, options: ResolvedStream, sourced: boolean): OpenedStream {
    const { table, durability, onOpened } = this.#options;
    const { epoch, fence, last, joints = [] } = claim;
    const client = this.#client;
    const replaced = table.getLive(id);
    const cancelRequest = replaced?.revokeSession(takenOverError(id));
    if (replaced !== undefined) {
      this.#producers.get(id)?.supersede();
      table.forget(replaced);
    }
    const hooks: StreamHooks = {
      changed(changed) {
        table.changed(changed);
        producer.changed();
      },
      resized: (resized, bytes) => table.resized(resized, bytes),
      ended: (ended) => table.ended(ended),
      interruptionChanged: (changed) => table.interruptionChanged(changed),
      readersChanged: (changed) => table.readersChanged(changed),
    };
    const onForgotten = (): void => {
      // It stops since it has no readers here; there may be some in other processes.
      if (stream.end === undefined && stream.interruption === undefined) producer.withdraw();
    };
    const backing = { epoch, hooks, isReplica: false, stored: () => producer.backlog.last, onForgotten };
    const stream = table.add(id, "stream", options, { sourced, backing });
    stream.continueFrom(epoch, joints, last);
    const pages = new PageCache(client, stream, 1, () => !producer.backlog.ended);
    const producer = new StreamProducer({
      client,
      stream,
      fence,
      retryWindowMs: toStoreWindow(options.retryWindow),
      limits: toStoreLimits("stream", options),
      endTimeout: Math.max(LEASE, options.linger),
      onRestored: (first) => pages.setFirst(first),
      onStored: () => {
        if (durability === "stored") table.changed(stream);
      },
      onHandedOver: (meta, cancelHandedOver) => {
        // One that has ended may be forgotten, while its readers still wait for the store.
        if (!table.has(stream) && stream.readers.size === 0) return;
        // It was cancelled here, while another process had already continued it.
        if (stream.end?.status === "cancelled") void this.#claims.cancel(id, "", 0).catch(() => undefined);
        this.#replicas.moveReaders(stream, meta);
        this.#passOn(cancelHandedOver, stream, meta);
      },
    });
    stream.useStore(pages, durability === "stored" ? producer.backlog : undefined);
    this.#producers.set(id, producer);
    const unwatch = this.#watcher.watch(id, (hint) => {
      if (hint === "cancel") producer.renewNow();
      else if (hint === "anything") producer.renewSoon();
    });
    void producer.backlog.settled.then(() => {
      unwatch();
      if (this.#producers.get(id) === producer) this.#producers.delete(id);
    });
    replaced?.moveReadersTo(stream);
    onOpened(stream);
    const session = stream.startSession(epoch, options.retryWindow);
    if (replaced !== undefined) this.#passOn(cancelRequest, replaced, { joints });
    return { stream, session, backlog: producer.backlog };
  }

  /** A cancel outlasts the producer that it was meant for, if another one continues the stream. */
  #passOn(
    request: CancelRequest | undefined,
    { id, log }: Stream,
    { joints = [] }: Pick<StoreMeta, "joints">,
  ): void {
    const { clock } = this.#options.runtime;
    if (request === undefined || !joints.some(({ epoch }) => epoch === log.epoch)) return;
    const { reason, until } = request;
    // The client reports outages.
    void this.cancel(id, reason, { grace: until - clock.now() }).catch(() => undefined);
  }
}

/** The id under which the store has hints about a key. A stream of the same id has other hints. */
function keyId(key: string): string {
  return `key:${key}`;
}
