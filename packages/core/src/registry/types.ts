import type { ConnectionInfo } from "../connection/connection-pool.ts";
import type { DeliveryOptions, RegistrySettings, StreamOptions } from "../connection/options.ts";
import type { StreamSource } from "../connection/source.ts";
import type { BARE_HOST, BareHost } from "../connection/bare-host.ts";
import type { DecodedMessage } from "../contract/decoded-messages.ts";
import type { Decoded, DecoderMap } from "../contract/decoder.ts";
import type { NamedEvent } from "../contract/pushable.ts";
import type { AnyEvents, StreamEvent } from "../protocol/event.ts";
import type { Store } from "../store/store.ts";
import type { AskSnapshot } from "../stream/snapshot.ts";
import type { CancelOptions, IfExists } from "../stream/stream-host.ts";
import type { StreamInfo } from "../stream/stream-info.ts";
import type { Message, SubscribeOptions } from "../stream/subscription.ts";
import type { PipeSource, StreamWriter } from "../stream/writer.ts";

/** A stream by its id, whether it exists or not: for an adapter or for `subscribe`. */
export type StreamRef = StreamSource;

/** A stream that never ends and has many producers, such as a chat room or a feed. */
export interface Channel<Events extends object> extends StreamSource {
  /**
   * Appends an event for everyone who is connected now, or reconnects while it is held. A closed registry ignores it. A full
   * one drops it, and the observer gets `failed`. With a store that is away, events are dropped while `buffer.bytes` wait for
   * it; `failed` says how many.
   *
   * @throws `INVALID_EVENT`, also for data that a schema of the registry's `events` rejects; `EVENT_TOO_LARGE`
   */
  push<Name extends keyof Events & string>(event: NamedEvent<Events, Name>): void;
  push(event: StreamEvent<Events>): void;
  /**
   * In a registry with `latestBy`: deletes the value of a key. The event says so to everyone who is connected, and for an hour
   * to those who reconnect; without one all readers are sent all values again, behind a reset. Does nothing for a key without a
   * value, and when the registry is closed.
   *
   * @throws `INVALID_OPTION` without `latestBy`, or for a key that is not a string; `INVALID_EVENT`, `EVENT_TOO_LARGE`
   */
  delete(key: string, event?: StreamEvent<Events>): void;
}

/** What a registry holds now. */
export interface Gauges {
  /** Open connections, waiting ones included; `subscribe` does not count. */
  readonly connections: number;
  /** Connections whose stream does not exist yet. */
  readonly waiting: number;
  /** Streams and channels that are held, ended ones included. */
  readonly streams: number;
  /** Of these streams, those that have ended. */
  readonly lingering: number;
  /** The bytes of all logs, overhead included. */
  readonly bytes: number;
}

/** Options of `registry.close`. */
export interface CloseOptions {
  /**
   * For how long streams that were opened here may run on, in ms; clients that ask for them are served, all others are
   * drained at once. It is over when the last of these streams has ended. @default 0
   */
  readonly grace?: number;
  /** How long connections have to flush, in ms. @default 10_000 */
  readonly deadline?: number;
  /** Over how many ms the reconnections of the clients are spread. @default 5_000 */
  readonly spread?: number;
}

/** Options of `registry.open`: where they differ from those of the registry. */
export interface OpenOptions extends StreamOptions {
  /**
   * What happens if the stream exists and has not ended. `throw`: the call rejects with `STREAM_EXISTS`, except for an
   * interrupted stream, which is replaced. `replace`: its producer is fenced off, and a new life begins; readers are moved
   * there with a reset. `append`: its producer is fenced off, and the stream goes on behind its last event, without a
   * reset; for a stream that is `done` or `cancelled` the call rejects with `STREAM_ENDED`. @default "throw"
   */
  readonly ifExists?: IfExists;
}

/**
 * Options of `createRegistry`. Whatever is left out has a default, except `snapshot`, `source` and `store`, which are
 * optional capabilities.
 */
export interface RegistryOptions<Events extends object = AnyEvents> extends RegistrySettings {
  /**
   * What the events are: a decoder for each name, which gives its type to `push` and `pipe`. Give the same object to
   * `connect` and `subscribe`. Data that a schema rejects is not pushed; what it accepts goes out as it was given.
   */
  readonly events?: DecoderMap;
  /**
   * Looks a stream up in the service's own database, for clients that come early, late, or to another machine. It is
   * called once at a time for each id, and for at most 16 ids at once, those of different keys in turn; its signal aborts
   * when no client waits for the result any more. Without it, a client that has a cursor is told that the stream is `lost`
   * if it is not opened within `wait`.
   */
  readonly snapshot?: AskSnapshot<Events>;
  /** After this time a call of `snapshot` has failed: its signal aborts, and it is not waited for. @default 5_000 */
  readonly snapshotTimeout?: number;
  /**
   * Starts a stream that a client asks for and nobody has opened: one run for all its clients, stopped `linger` ms after
   * the last of them has left.
   */
  readonly source?: (
    id: string,
    context: { readonly signal: AbortSignal },
  ) => PipeSource<Events> | PromiseLike<PipeSource<Events>>;
  /**
   * A log that several machines share: a stream is produced in one process, and read in all that use the same store. The
   * logs in this process are then caches of those in the store.
   */
  readonly store?: Store;
  /**
   * When readers in the producer's own process get an event: at once, or only when the store has it, so that no client
   * ever sees an event that a crash then loses. @default "local"
   */
  readonly durability?: "local" | "stored";
  /**
   * For current values, such as prices or the state of machines: makes each channel hold the newest event of each key only, and
   * begin with these, whatever a client has missed (`from` is `"start"`). Returns the key of an event, or `undefined` for an
   * event that is sent to those who read now, and not held. `buffer` bounds the number of keys: above it the stalest ones are
   * deleted, and the observer's `warned` is called. A push for which it throws, or returns anything else, throws `INVALID_EVENT`.
   * In memory only: with a `store` the option is refused.
   *
   * @example
   * const prices = createRegistry<{ price: Price }>({ latestBy: ({ data }) => data.symbol });
   */
  readonly latestBy?: (event: StreamEvent<Events>) => string | undefined;
}

/**
 * Streams and channels by their ids, and the connections that read them. `createRegistry` creates one; an application
 * usually has one for its whole life, and closes it at shutdown.
 *
 * @example
 * const jobs = createRegistry();
 * const job = await jobs.open("42");
 * void job.pipe(run);
 * app.get("/jobs/:id", (c) => sse(c, jobs.stream(c.req.param("id"))));
 */
export interface Registry<Events extends object = AnyEvents> {
  /** @internal */
  readonly [BARE_HOST]: BareHost;
  /** How many streams are held, including ended ones that linger. */
  readonly size: number;
  /**
   * Opens a stream for one producer. It is registered before the call returns, with a store before the promise
   * resolves; clients that wait for it are served.
   *
   * @throws (as a rejection) `STREAM_EXISTS` for the id of a live stream or a channel, `STREAM_ENDED` (see `ifExists`),
   * `INVALID_OPTION`, `LIMIT_EXCEEDED`, `REGISTRY_CLOSED`, `STORE_UNAVAILABLE`
   */
  open(id: string, options?: OpenOptions): Promise<StreamWriter<Events>>;
  /**
   * The channel of that id, created on first use. Check an id that comes from a URL first: this call creates state. One of a
   * closed registry ignores events, and its clients are asked to reconnect.
   *
   * @throws `STREAM_EXISTS` for the id of a live stream, `INVALID_OPTION`
   */
  channel(id: string, options?: Pick<DeliveryOptions, "from" | "wait" | "filter">): Channel<Events>;
  /** A reference to a stream that may exist, may come, or may have been. Creates nothing and takes any string. */
  stream(id: string, options?: Pick<DeliveryOptions, "from" | "wait" | "filter">): StreamRef;
  /**
   * Reads a stream in this process: its user events in order, from the cursor on. It is registered at the first `next()`
   * and not counted in `maxConnections`. The iteration returns only when the stream is `done`. Without a cursor it begins
   * with the oldest event held.
   *
   * @throws (from `next()`) the error of a failed stream; `CANCELLED`, `EXPIRED` or `LOST` for another end; `GONE` if there
   * is no stream within `wait`; `RESET`, without `onReset`, for events that are missing behind the cursor or behind others;
   * `ABORTED` after `signal`; with `events` `INVALID_EVENT` for data that its decoder cannot read;
   * `REGISTRY_CLOSED`
   */
  subscribe<Map extends DecoderMap>(
    source: StreamSource | string,
    options: SubscribeOptions & { readonly events: Map },
  ): AsyncIterableIterator<DecodedMessage<Decoded<Map>>>;
  subscribe(source: StreamSource | string, options?: SubscribeOptions): AsyncIterableIterator<Message>;
  /** What this process knows of a stream. Never creates one. */
  get(id: string): StreamInfo | undefined;
  /**
   * What is known of a stream, also in the store. `readers` and `bytes` are those of this process. Use it to answer 204
   * for a chat in which nothing runs.
   *
   * @throws (as a rejection) `INVALID_OPTION`; with a store `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   *
   * @example
   * const info = await jobs.find(id);
   * if (info?.status !== "live" && info?.status !== "interrupted") return c.body(null, 204);
   */
  find(id: string): Promise<StreamInfo | undefined>;
  /** What this process holds now, for monitoring. Cheap: it counts nothing. */
  gauges(): Gauges;
  /** The open connections of this process, or those with this key, the oldest first. `subscribe` does not count. */
  connections(key?: string): ConnectionInfo[];
  /**
   * Drains the connections of a key as `aborted`, with a store those in all its processes. Their clients reconnect: refuse
   * them, if they have to stay away. Other processes are told by a hint of the store. One that is connecting to the store
   * at this moment may miss it; give `sse` a `signal` that aborts when the rights of the user end, too.
   *
   * @param reason given to the observer's `connectionClosed` and to `onClose` as `cause`, in this process
   *
   * @throws (as a rejection) `INVALID_OPTION`; with a store `STORE_UNAVAILABLE` when only those of this process are drained
   */
  disconnect(key: string, reason?: unknown): Promise<void>;
  /**
   * Stops a stream: ends it as `cancelled`, then aborts its writer's signal with `reason`. A producer in another process
   * gets the reason through the store, as a string. Resolves with whether the stream was live.
   *
   * @throws (as a rejection, with a store) `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
   */
  cancel(id: string, reason?: unknown, options?: CancelOptions): Promise<boolean>;
  /**
   * Drains all connections: from now on `open` throws `REGISTRY_CLOSED`, and every client is asked to reconnect, those of
   * streams that were opened here after `grace`. When all are gone, or `deadline` after that, streams that are still live
   * are interrupted if they have a `retryWindow`, else cancelled, and nothing is held any more. Pushes are taken until then
   * and ignored afterwards. What is on its way to a store has until the deadline to get there, or 1 s if
   * clients have taken all that time. A later call can only shorten `grace`.
   */
  close(options?: CloseOptions): Promise<void>;
}
