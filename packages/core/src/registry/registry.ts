import { attach } from "./accept.ts";
import { check, checkDelay, checkOneOf } from "../base/validate.ts";
import { ConnectionPool } from "../connection/connection-pool.ts";
import { closedError, type HoldfastError } from "../base/errors.ts";
import type { AnyEvents, StreamEvent } from "../protocol/event.ts";
import { isStreamId } from "../protocol/event-id.ts";
import type { EndStatus } from "../protocol/reasons.ts";
import {
  DELIVERY_DEFAULTS,
  type DeliveryOptions,
  type RegistrySettings,
  type ResolvedStream,
  resolveDelivery,
  resolveLimits,
  resolveStream,
  resolveRuntime,
  STREAM_DEFAULTS,
  type StreamOptions,
} from "../connection/options.ts";
import type { From } from "../protocol/cursor.ts";
import type { RegistryContext } from "./request-context.ts";
import { StreamBroker } from "../store/stream-broker.ts";
import { existsError, StreamTable } from "../stream/stream-table.ts";
import type { AskSnapshot } from "../stream/snapshot.ts";
import { SnapshotPoller } from "../stream/snapshot-poller.ts";
import { ACCEPT, type Accept, type StreamSource } from "../connection/source.ts";
import { checkStore, type Store } from "../store/store.ts";
import type { Stream, StreamKind } from "../stream/stream.ts";
import { type Message, type SubscribeOptions, Subscription } from "../stream/subscription.ts";
import { createKeyedListeners } from "../base/keyed-listeners.ts";
import {
  type Backlog,
  createWriter,
  type PipeSource,
  type StreamWriter,
  type WriterContext,
} from "../stream/writer.ts";

/** A stream by its id, whether it exists or not: to hand to an adapter or to `subscribe`. */
export type StreamRef = StreamSource;

/** A stream that never ends and has many producers: a room, a feed. */
export interface Channel<Events extends object> extends StreamSource {
  /**
   * Appends an event for everyone who listens now, or comes back while it is held.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`, `REGISTRY_CLOSED`; with a store `LIMIT_EXCEEDED`, while it is away and
   * `buffer.bytes` wait for it
   */
  push(event: StreamEvent<Events>): void;
}

/** What is known of a stream. */
export interface StreamInfo {
  readonly id: string;
  readonly epoch: string;
  readonly kind: "stream" | "channel";
  readonly status: "live" | EndStatus;
  /** The number of the oldest event held; `last + 1` when none is. */
  readonly first: number;
  /** The number of the newest event; 0 before the first. */
  readonly last: number;
  readonly bytes: number;
  readonly readers: number;
}

/** What a registry holds now. */
export interface Gauges {
  readonly connections: number;
  /** Connections whose stream does not exist yet. */
  readonly waiting: number;
  readonly streams: number;
  /** Of these streams, those that have ended. */
  readonly lingering: number;
  readonly bytes: number;
}

export interface CloseOptions {
  /** How long connections have to flush, in ms. @default 10_000 */
  readonly deadline?: number;
  /** Over how many ms the clients' return is spread. @default 5_000 */
  readonly spread?: number;
}

export interface RegistryOptions<Events extends object = AnyEvents> extends RegistrySettings {
  /**
   * StorePoller a stream up in the service's own database, for clients that come early, late, or to another machine. Asked
   * once at a time for each id, at most 16 at once; its signal aborts when nobody is interested any more.
   */
  readonly snapshot?: AskSnapshot<Events>;
  /**
   * Starts a stream that a client asks for and nobody has opened: one run for all its clients, stopped `linger` after
   * the last of them has left.
   */
  readonly source?: (
    id: string,
    context: { readonly signal: AbortSignal },
  ) => PipeSource<Events> | PromiseLike<PipeSource<Events>>;
  /**
   * A log that machines share: a stream is produced in one process, and read in all that have the same store. Every
   * call then asks the store who produces what; logs here are caches of its logs.
   */
  readonly store?: Store;
  /**
   * When readers in the producer's own process get an event: at once, or only when the store has it, so that nobody
   * ever saw what a crash has lost. @default "local"
   */
  readonly durability?: "local" | "stored";
}

export interface Registry<Events extends object = AnyEvents> {
  /** How many streams are held, ended ones that linger too. */
  readonly size: number;
  /**
   * Opens a stream for one producer. It is registered before the call returns, with a store before the promise
   * resolves; what waits for it is served.
   *
   * @throws (as a rejection) `STREAM_EXISTS` for a live stream's or a channel's id, `INVALID_OPTION`,
   * `LIMIT_EXCEEDED`, `REGISTRY_CLOSED`, `STORE_UNAVAILABLE`
   */
  open(id: string, options?: StreamOptions): Promise<StreamWriter<Events>>;
  /**
   * The channel of that id, made on first use. Check an id that comes from a URL first: this call makes state.
   *
   * @throws `STREAM_EXISTS` for a live stream's id, `INVALID_OPTION`, `LIMIT_EXCEEDED`, `REGISTRY_CLOSED`
   */
  channel(id: string): Channel<Events>;
  /** A reference to a stream that may exist, come, or have been. Creates nothing and takes any string. */
  stream(id: string, options?: { readonly from?: From; readonly wait?: number }): StreamRef;
  /**
   * Reads a stream in process: user events in order, from the cursor on, waiting for the stream as a client would.
   * Registered at the first `next()`; not counted in `maxConnections`. A cancelled or expired stream just ends.
   *
   * @throws (from `next()`) the error of a failed stream, `GONE`, `ABORTED` after `signal`, `REGISTRY_CLOSED`
   */
  subscribe(source: StreamSource | string, options?: SubscribeOptions): AsyncIterableIterator<Message>;
  /** What is known of a stream; never creates one. */
  get(id: string): StreamInfo | undefined;
  gauges(): Gauges;
  /**
   * Stops a stream: ends it as `cancelled`, then aborts its writer's signal with `reason`. A producer in another process
   * is told through the store, of the reason as a string. Whether it was live.
   *
   * @throws (as a rejection, with a store) `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  cancel(id: string, reason?: unknown): Promise<boolean>;
  /**
   * Drains: from now on `open` and `push` throw `REGISTRY_CLOSED`, and every client is told to come back. When all
   * are gone, or at the deadline, live streams are cancelled with `REGISTRY_CLOSED` and nothing is held any more. What is
   * on its way to a store has until the deadline to get there.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Streams by id, with everyone who reads them.
 *
 * @example
 * const jobs = createRegistry<{ token: string }>();
 * const job = await jobs.open("42");
 * void job.pipe(generate());
 * app.get("/jobs/:id", (c) => sse(c, jobs.stream(c.req.param("id"))));
 */
export function createRegistry<Events extends object = AnyEvents>(
  options: RegistryOptions<Events> = {},
): Registry<Events> {
  const runtime = resolveRuntime(options);
  const { clock, report } = runtime;
  const delivery = resolveDelivery(DELIVERY_DEFAULTS, options);
  const defaults = resolveStream(STREAM_DEFAULTS, options);
  const { bytes, maxConnections, maxStreams, maxWaiting } = resolveLimits(options);
  const table = new StreamTable({ runtime, bytes, maxStreams });
  const pool = new ConnectionPool({ runtime, heartbeat: delivery.heartbeat, maxConnections });
  const openListeners = createKeyedListeners<Stream>();
  const { snapshot, source, store, durability = "local" } = options;
  check(snapshot === undefined || typeof snapshot === "function", "snapshot", "a function", snapshot);
  check(source === undefined || typeof source === "function", "source", "a function", source);
  if (store !== undefined) checkStore(store);
  checkOneOf("durability", durability, ["local", "stored"]);
  const shared =
    store &&
    new StreamBroker({
      store,
      durability,
      runtime,
      table,
      defaults,
      restart: source && ((id) => startSource(id, source)),
      isClosing: () => pool.draining,
      onOpened: (stream) => openListeners.resolve(stream.id, stream),
    });
  const isHere = (id: string): boolean => source !== undefined || table.get(id) !== undefined;
  const snapshots = snapshot && new SnapshotPoller(snapshot as AskSnapshot<AnyEvents>, { runtime, isHere });
  const context: RegistryContext = {
    pool,
    openListeners,
    waiting: new Set(),
    maxWaiting,
    snapshots,
    look: shared && ((id, kind, listener) => shared.look(id, kind, listener)),
    isReplica: (held) => shared?.isReplica(held) === true,
    startSource: source && ((id) => startSource(id, source)),
    changed: (stream) => table.changed(stream),
  };
  let closed: Promise<void> | undefined;

  const keeper: WriterContext = {
    get closing() {
      return pool.draining;
    },
    turn: () => new Promise<void>((resolve) => clock.soon(resolve)),
    sourceFailed: ({ id }, error) => report("failed", { id, stage: "source", error }),
  };

  function acceptFor(
    id: string,
    find: () => Stream | undefined,
    own?: DeliveryOptions,
    kind: StreamKind = "stream",
  ): Accept {
    const base = resolveDelivery(delivery, own);
    return (request, open, call, counted) =>
      attach(context, request, open, { id, kind, find, counted }, resolveDelivery(base, call), call?.signal);
  }

  function checkAtTheDoor(id: string): void {
    if (pool.draining) throw closedError();
    check(isStreamId(id), "id", "a string of 1 to 256 characters without control characters", id);
  }

  function add(id: string, kind: StreamKind, streamOptions: ResolvedStream, sourced = false): Stream {
    checkAtTheDoor(id);
    const stream = table.add(id, kind, streamOptions, sourced);
    openListeners.resolve(id, stream);
    return stream;
  }

  function startSource(id: string, start: NonNullable<RegistryOptions<Events>["source"]>): void {
    const run = (writer: StreamWriter<Events>): void =>
      void writer.pipe(({ signal }) => start(id, { signal }));
    if (shared === undefined) {
      const stream = add(id, "stream", defaults, true);
      run(write(stream));
      return;
    }
    shared.open(id, defaults, true).then(
      ({ stream, producer }) => run(write(stream, producer)),
      (error: HoldfastError) => {
        // It is found if it runs elsewhere, and looked for again if the store is away.
        if (error.code === "LIMIT_EXCEEDED") report("failed", { id, stage: "source", error });
      },
    );
  }

  function write(stream: Stream, backlog?: Backlog): StreamWriter<Events> {
    const accept = acceptFor(stream.id, () => stream);
    return createWriter<Events>(stream, keeper, accept, backlog);
  }

  /** A channel that machines share is the store's: nothing is held here but for its readers. */
  function sharedChannel(id: string, by: StreamBroker): Channel<Events> {
    checkAtTheDoor(id);
    by.checkChannel(id);
    return {
      [ACCEPT]: acceptFor(id, () => table.get(id), {}, "channel"),
      id,
      push(event) {
        if (pool.draining) throw closedError();
        by.push(id, event);
      },
    };
  }

  /** The channel's stream, which is made anew when it was forgotten. */
  function channelStream(id: string): Stream {
    const stream = table.get(id);
    if (stream === undefined || stream.end !== undefined) return add(id, "channel", defaults);
    if (stream.kind === "channel") return stream;
    throw existsError(stream);
  }

  /** What a client of a channel gets, which may have been forgotten meanwhile; without room for it, it waits. */
  function findChannel(id: string): Stream | undefined {
    const held = table.get(id);
    if (held !== undefined && held.end === undefined) return held;
    try {
      return channelStream(id);
    } catch (error) {
      report("failed", { id, stage: "source", error });
      return undefined;
    }
  }

  const stream: Registry<Events>["stream"] = (id, own) => ({
    [ACCEPT]: acceptFor(id, () => table.get(id), own),
    id,
  });

  return {
    get size() {
      return table.size;
    },
    async open(id, own) {
      const streamOptions = resolveStream(defaults, own);
      if (shared === undefined) return write(add(id, "stream", streamOptions));
      checkAtTheDoor(id);
      const { stream, producer } = await shared.open(id, streamOptions);
      return write(stream, producer);
    },
    channel(id) {
      if (shared !== undefined) return sharedChannel(id, shared);
      channelStream(id);
      return {
        [ACCEPT]: acceptFor(id, () => findChannel(id)),
        id,
        push(event) {
          if (pool.draining) throw closedError();
          channelStream(id).push(event);
        },
      };
    },
    stream,
    subscribe(source, own = {}) {
      const { [ACCEPT]: begin } = typeof source === "string" ? stream(source) : source;
      return new Subscription(
        (signal, open) =>
          begin({ method: "GET", cursor: own.cursor || undefined, signal }, open, IN_PROCESS, false),
        own,
      );
    },
    get(id) {
      const held = table.get(id);
      return held && describe(held);
    },
    gauges: () => ({
      connections: pool.size,
      waiting: context.waiting.size,
      streams: table.size,
      lingering: table.lingering,
      bytes: table.bytes,
    }),
    async cancel(id, reason) {
      const held = table.get(id);
      if (held?.kind === "channel" && held.end === undefined) return false;
      if (held === undefined || held.end !== undefined || shared?.isReplica(held) === true)
        return shared?.cancel(id, reason === undefined ? "" : String(reason as string)) ?? false;
      held.take("cancelled", reason);
      return true;
    },
    close({ deadline = 10_000, spread = 5_000 } = {}) {
      checkDelay("deadline", deadline);
      checkDelay("spread", spread);
      const until = clock.now() + deadline;
      closed ??= pool.drain(deadline, spread).then(() => {
        table.clear();
        snapshots?.clear();
        return shared?.close(until);
      });
      return closed;
    },
  };
}

/** A consumer in this process needs no heartbeat, is never a zombie, and waits as a client does that comes back. */
const IN_PROCESS: DeliveryOptions = {
  heartbeat: Infinity,
  idleTimeout: Infinity,
  maxDuration: Infinity,
  wait: Infinity,
  control: true,
};

function describe({ id, kind, log, end, readers }: Stream): StreamInfo {
  const { epoch, first, last, bytes } = log;
  return { id, epoch, kind, status: end?.status ?? "live", first, last, bytes, readers: readers.size };
}
