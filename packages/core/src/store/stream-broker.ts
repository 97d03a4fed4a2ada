import type { Runtime } from "../protocol/runtime.ts";
import type { LookupResult } from "../stream/stream-host.ts";
import { ChannelProducer } from "./channel-producer.ts";
import { encodeEvent } from "../protocol/encode.ts";
import { closedError, HoldfastError } from "../base/errors.ts";
import type { SseEvent } from "../protocol/event.ts";
import { makeEpoch } from "../protocol/event-id.ts";
import { LEASE, StoreClient } from "./store-client.ts";
import { StoreWatcher } from "./store-watcher.ts";
import { StorePoller } from "./store-poller.ts";
import type { ResolvedStream } from "../connection/options.ts";
import { StreamProducer } from "./stream-producer.ts";
import { PAGE, PageCache } from "./page-cache.ts";
import { Replica } from "./replica.ts";
import { existsError, type StreamTable } from "../stream/stream-table.ts";
import type { Store, StoreMeta, StoreOpen, StoreOpened } from "./store.ts";
import type { Stream, StreamKind } from "../stream/stream.ts";

/** Longest time and largest number that any store is asked to keep. */
const MOST = 2 ** 31 - 1;
/** What the `id:` client of a channel's frame takes at most. */
const ID_LINE = 48;

export interface StreamBrokerOptions {
  readonly store: Store;
  /** `stored`: readers are given only what the store has. */
  readonly durability: "local" | "stored";
  readonly runtime: Runtime;
  readonly table: StreamTable;
  readonly defaults: ResolvedStream;
  /** Starts a stream for the readers who are here, if the registry does. */
  readonly restart: ((id: string) => void) | undefined;
  readonly isClosing: () => boolean;
  /** A stream was opened here. */
  readonly onOpened: (stream: Stream) => void;
}

/** A stream that is produced here, and its way to the store. */
export interface Produced {
  readonly stream: Stream;
  readonly producer: StreamProducer;
}

type Opened = Extract<StoreOpened, { role: "producer" }>;

/**
 * The streams that machines share, as this process has a part in them: those that it produces, the channels that it
 * pushes to, and replicas of what is produced elsewhere and read here.
 */
export class StreamBroker {
  readonly #options: StreamBrokerOptions;
  readonly #client: StoreClient;
  readonly #watcher: StoreWatcher;
  readonly #poller: StorePoller;
  readonly #opening = new Set<string>();
  /** The epochs of streams whose opening was not answered. */
  readonly #unheard = new Map<string, string>();
  readonly #producers = new Map<string, StreamProducer>();
  readonly #channelProducers = new Map<string, ChannelProducer>();
  readonly #channelOpenings = new Map<string, Promise<string>>();
  readonly #replicas = new Map<Stream, Replica>();
  readonly #producer: string;
  #batches = 0;

  constructor(options: StreamBrokerOptions) {
    const { store, runtime } = options;
    this.#options = options;
    this.#client = new StoreClient(store, runtime, () => this.#goOn());
    this.#watcher = new StoreWatcher(store);
    const look = (id: string, kind: StreamKind): Promise<LookupResult> => this.#look(id, kind);
    this.#poller = new StorePoller({ client: this.#client, watcher: this.#watcher, look });
    this.#producer = makeEpoch(runtime.random);
  }

  /** Whether a stream is produced somewhere else. */
  isReplica(stream: Stream): boolean {
    return this.#replicas.has(stream);
  }

  /** Hears of each look into the store, now and from time to time. Returns how to leave. */
  look(id: string, kind: StreamKind, listener: (looked: LookupResult) => void): () => void {
    return this.#poller.join(id, kind, listener);
  }

  /**
   * Becomes a stream's producer.
   *
   * @throws `STREAM_EXISTS`, `LIMIT_EXCEEDED`, `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  async open(id: string, options: ResolvedStream, sourced = false): Promise<Produced> {
    const { table, isClosing } = this.#options;
    const held = table.get(id);
    if (held !== undefined && held.end === undefined && !this.isReplica(held)) throw existsError(held);
    if (this.#opening.has(id)) throw existsError({ id, kind: "stream" });
    this.#opening.add(id);
    try {
      await this.#producers.get(id)?.settled;
      const opened = await this.#claim(id, options);
      try {
        if (isClosing()) throw closedError();
        return this.#produce(id, opened, options, sourced);
      } catch (error) {
        this.#abandon(id, opened);
        throw error;
      }
    } finally {
      this.#opening.delete(id);
    }
  }

  /**
   * Sends an event to a channel, for the readers here and elsewhere.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`, `STREAM_EXISTS`, `LIMIT_EXCEEDED` while too much waits for the store
   */
  push(id: string, { id: _id, ...event }: SseEvent): void {
    const { buffer, maxEventBytes } = this.#options.defaults;
    this.checkChannel(id);
    const frame = encodeEvent(event);
    const most = Math.min(maxEventBytes, Math.floor(buffer.bytes / 4));
    const size = frame.length + ID_LINE;
    if (size > most) {
      const message = `An event takes at most ${most} bytes on the wire, this one has ${size} or more.`;
      throw new HoldfastError("EVENT_TOO_LARGE", message);
    }
    const producer = this.#channelProducers.get(id) ?? this.#createChannelProducer(id);
    producer.push(frame);
  }

  /** @throws `STREAM_EXISTS` when it is known here that the id is a live stream's */
  checkChannel(id: string): void {
    const held = this.#options.table.get(id);
    if (held !== undefined && held.end === undefined && held.kind === "stream") throw existsError(held);
  }

  /** Asks the producer to cancel a stream; one that does not react in time has it taken away. Whether it was live. */
  async cancel(id: string, reason: string): Promise<boolean> {
    const isLive = await this.#client.cancel(id, reason);
    if (isLive) this.#client.clock.after(LEASE, () => void this.#insist(id));
    return isLive;
  }

  /** Nothing is held any more; what is on its way to the store has until `until` to get there. */
  async close(until: number): Promise<void> {
    const { clock } = this.#options.runtime;
    const producers = [...this.#producers.values(), ...this.#channelProducers.values()];
    const settled = Promise.all(producers.map((producer) => producer.settled));
    let disarm = (): void => undefined;
    const deadline = new Promise<void>((resolve) => {
      disarm = clock.after(Math.max(0, until - clock.now()), resolve);
    });
    await Promise.race([settled, deadline]);
    disarm();
    for (const producer of this.#producers.values()) producer.giveUp();
    for (const producer of this.#channelProducers.values()) producer.stop();
    this.#watcher.close();
    this.#client.close();
  }

  /** The store is back. */
  #goOn(): void {
    for (const producer of this.#producers.values()) producer.hurry();
    for (const producer of this.#channelProducers.values()) producer.hurry();
    for (const replica of this.#replicas.values()) replica.look();
    this.#poller.hurry();
  }

  #storeOptions(kind: StreamKind, { buffer, linger, idle }: ResolvedStream): StoreOpen {
    const ttlMs = Math.min(MOST, kind === "channel" ? idle : linger + 4 * LEASE);
    const keep = Math.min(MOST, buffer.events);
    return { kind, epoch: makeEpoch(this.#options.runtime.random), leaseMs: LEASE, ttlMs, keep };
  }

  /** The store says who produces a stream; one whose producer is dead is ended first. */
  async #claim(id: string, options: ResolvedStream): Promise<Opened> {
    const ask = this.#storeOptions("stream", options);
    const epoch = this.#unheard.get(id) ?? ask.epoch;
    this.#unheard.delete(id);
    try {
      return await this.#claimAs(id, { ...ask, epoch });
    } catch (error) {
      if ((error as HoldfastError).code === "STORE_UNAVAILABLE") this.#expectLate(id, epoch);
      throw error;
    }
  }

  async #claimAs(id: string, ask: StoreOpen): Promise<Opened> {
    for (;;) {
      const opened = await this.#client.open(id, ask, (late) => this.#hearLate(id, late));
      if (opened.role === "producer") return opened;
      const { kind, epoch, fence, last, leaseLeftMs } = opened.meta;
      // This call was made before, and its answer lost.
      if (epoch === ask.epoch) return { role: "producer", epoch, fence, last };
      const isDead = leaseLeftMs <= 0 && this.#client.canExpireLeases;
      if (!isDead || !(await this.#client.lost(id, fence, { status: "lost" })))
        throw existsError({ id, kind });
    }
  }

  /** It may have been opened, though nobody heard: whoever tries again here is given it. */
  #expectLate(id: string, epoch: string): void {
    this.#unheard.set(id, epoch);
    this.#client.clock.after(LEASE, () => {
      if (this.#unheard.get(id) === epoch) this.#unheard.delete(id);
    });
  }

  /** An answer that came too late for its caller. */
  #hearLate(id: string, opened: StoreOpened): void {
    const isUnclaimed = opened.role === "producer" && this.#unheard.get(id) === opened.epoch;
    if (!isUnclaimed && !this.#client.closed) return;
    this.#unheard.delete(id);
    this.#abandon(id, opened);
  }

  /** Ends what was opened for nobody. */
  #abandon(id: string, opened: StoreOpened): void {
    if (opened.role === "reader") return;
    const { epoch, fence, last } = opened;
    const end = { status: "cancelled" } as const;
    const { ttlMs } = this.#storeOptions("stream", this.#options.defaults);
    this.#client.parting(id, { epoch, fence, from: last + 1, frames: [], leaseMs: LEASE, ttlMs, end });
  }

  #produce(id: string, opened: Opened, options: ResolvedStream, sourced: boolean): Produced {
    const { table, durability, onOpened } = this.#options;
    const { epoch, fence } = opened;
    const client = this.#client;
    const held = table.get(id);
    const replaced = held !== undefined && held.end === undefined ? held : undefined;
    if (replaced !== undefined) table.forget(replaced);
    const keeper = {
      changed: (changed: Stream) => {
        table.changed(changed);
        producer.changed();
      },
      resized: table.resized.bind(table),
      ended: table.ended.bind(table),
      attended: table.attended.bind(table),
    };
    const forgotten = (): void => {
      // It is stopped for want of readers here; there may be others elsewhere.
      if (stream.end === undefined) producer.withdraw();
    };
    const life = { epoch, keeper, replica: false, forgotten };
    const stream = table.add(id, "stream", options, sourced, life);
    const pages = new PageCache(client, stream, 1, () => !producer.ended);
    const { ttlMs, keep } = this.#storeOptions("stream", options);
    const producer = new StreamProducer({
      client,
      stream,
      fence,
      ttlMs,
      keep,
      patience: Math.max(LEASE, options.linger),
      onRestored: (first) => {
        pages.first = first;
      },
      onStored: () => {
        if (durability === "stored") table.changed(stream);
      },
    });
    stream.archive = pages;
    if (durability === "stored") stream.highWatermark = producer;
    this.#producers.set(id, producer);
    const unwatch = this.#watcher.watch(id, (hint) => {
      if (hint !== "changed") producer.hurry();
    });
    void producer.settled.then(() => {
      unwatch();
      if (this.#producers.get(id) === producer) this.#producers.delete(id);
    });
    if (replaced !== undefined) moveReaders(replaced, stream);
    onOpened(stream);
    return { stream, producer };
  }

  async #look(id: string, kind: StreamKind): Promise<LookupResult> {
    const { table } = this.#options;
    const held = table.get(id);
    if (held !== undefined && held.end === undefined && this.isReplica(held)) {
      await this.#replicas.get(held)?.catchUp();
      // Behind an outage a producer has not said everything yet, as it has not renewed its lease.
      if (!this.#client.canExpireLeases) {
        throw new HoldfastError("STORE_UNAVAILABLE", "The store has just come back.", { retryable: true });
      }
      const stream = table.get(id);
      if (stream !== undefined) return { state: "here", stream };
      // It was forgotten meanwhile, for want of readers.
    }
    let page = await this.#client.read(id, null, PAGE);
    if (page.code === "missing" && kind === "channel") {
      await this.#openChannel(id);
      page = await this.#client.read(id, null, PAGE);
    }
    if (page.code === "missing") return { state: "missing" };
    try {
      return { state: "here", stream: this.#adopt(id, page.meta, page.code === "ok" ? page.frames : []) };
    } catch (error) {
      return { state: "full", error: error as HoldfastError };
    }
  }

  /** The stream as it is held here, or a new replica of it. */
  #adopt(id: string, meta: StoreMeta, frames: readonly Uint8Array[]): Stream {
    const held = this.#options.table.get(id);
    if (held !== undefined && (held.end === undefined || held.log.epoch === meta.epoch)) {
      // Of another life: it finds out for itself.
      if (held.log.epoch !== meta.epoch) this.#replicas.get(held)?.look();
      return held;
    }
    return this.#replicate(id, meta, frames);
  }

  /** @param frames the first that the store has; the log begins with them if they are all, else behind the last */
  #replicate(id: string, meta: StoreMeta, frames: readonly Uint8Array[]): Stream {
    const { table, defaults } = this.#options;
    const client = this.#client;
    const { epoch, kind, first, last } = meta;
    const stop = (): void => {
      unwatch();
      replica.stop();
    };
    const keeper = {
      changed: table.changed.bind(table),
      resized: table.resized.bind(table),
      ended: (ended: Stream) => {
        table.retire(ended);
        stop();
      },
      attended: table.attended.bind(table),
    };
    const forgotten = (): void => {
      stop();
      this.#replicas.delete(stream);
    };
    const stream = table.add(id, kind, defaults, false, { epoch, keeper, replica: true, forgotten });
    const pages = new PageCache(client, stream, first, () => stream.end === undefined);
    stream.archive = pages;
    const replica = new Replica(
      {
        client,
        channelTtl: this.#storeOptions("channel", defaults).ttlMs,
        restart: this.#options.restart,
        moved: (old, now) => this.#moveOn(old.stream, now),
        reopen: (channel) => this.#openChannel(channel),
        wentBack: (channel, of) => this.#replaceChannel(channel, of),
      },
      stream,
      pages,
    );
    this.#replicas.set(stream, replica);
    const unwatch = this.#watcher.watch(id, () => replica.look());
    const isWhole = frames.length === last - first + 1;
    replica.take(meta, isWhole ? first - 1 : last, isWhole ? frames : []);
    replica.look();
    return stream;
  }

  /** The id is in another life, where its readers go on. */
  #moveOn(old: Stream, meta: StoreMeta): void {
    const { table, runtime } = this.#options;
    const { id } = old;
    table.forget(old);
    try {
      moveReaders(old, this.#adopt(id, meta, []));
    } catch (error) {
      runtime.report("failed", { id, stage: "store", error });
      old.finish("lost");
    }
  }

  #createChannelProducer(id: string): ChannelProducer {
    const { defaults } = this.#options;
    const producer = new ChannelProducer({
      client: this.#client,
      id,
      producer: this.#producer,
      nextNumber: () => ++this.#batches,
      bytes: defaults.buffer.bytes,
      ttlMs: this.#storeOptions("channel", defaults).ttlMs,
      open: () => this.#openChannel(id),
      onWentBack: (epoch) => this.#replaceChannel(id, epoch),
      onIdle: () => void this.#channelProducers.delete(id),
    });
    this.#channelProducers.set(id, producer);
    return producer;
  }

  /** The epoch of a channel, which is made if the store does not have it. */
  #openChannel(id: string): Promise<string> {
    const opening = this.#channelOpenings.get(id) ?? this.#claimChannel(id);
    this.#channelOpenings.set(id, opening);
    return opening;
  }

  async #claimChannel(id: string): Promise<string> {
    try {
      const opened = await this.#client.open(id, this.#storeOptions("channel", this.#options.defaults));
      if (opened.role === "reader") throw existsError({ id, kind: opened.meta.kind });
      return opened.epoch;
    } finally {
      this.#channelOpenings.delete(id);
    }
  }

  /** What the store has of a channel is older than what was read from it, and is to be another life. */
  async #replaceChannel(id: string, epoch: string): Promise<void> {
    const page = await this.#client.read(id, null, { frames: 1, bytes: 1 });
    if (page.code !== "missing" && page.meta.epoch === epoch) await this.#client.delete(id);
  }

  /** A producer that was asked to cancel and did not is taken for one that cannot. */
  async #insist(id: string): Promise<void> {
    const client = this.#client;
    try {
      const page = await client.read(id, null, { frames: 1, bytes: 1 });
      if (page.code === "missing" || page.meta.end !== undefined || page.meta.cancel === undefined) return;
      const ask = this.#storeOptions("stream", this.#options.defaults);
      const opened = await client.open(id, { ...ask, takeover: true });
      if (opened.role === "producer") this.#abandon(id, opened);
    } catch {
      // The client tells of it.
      client.clock.after(LEASE, () => void this.#insist(id));
    }
  }
}

function moveReaders(from: Stream, to: Stream): void {
  for (const reader of Array.from(from.readers)) {
    reader.move?.(to);
    reader.wake();
  }
}
