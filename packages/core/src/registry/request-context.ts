import type { LookupResult } from "../stream/stream-host.ts";
import type { Connection } from "../connection/connection.ts";
import type { ConnectionPool } from "../connection/connection-pool.ts";
import {
  type Listener,
  handshakeFromSnapshot,
  handshakeFromLog,
  type Handshake,
  startPosition,
} from "../stream/handshake.ts";
import type { ResolvedDelivery } from "../connection/options.ts";
import type { From } from "../protocol/cursor.ts";
import { Reader } from "../stream/reader.ts";
import type { SnapshotPrefix } from "../stream/snapshot.ts";
import type { SnapshotPoller } from "../stream/snapshot-poller.ts";
import type { Stream, StreamKind } from "../stream/stream.ts";
import type { KeyedListeners } from "../base/keyed-listeners.ts";

/** The registry as a client that comes sees it. */
export interface RegistryContext {
  readonly pool: ConnectionPool;
  readonly openListeners: KeyedListeners<Stream>;
  /** The counted ones of those who were told that they wait. */
  readonly waiting: Set<object>;
  readonly maxWaiting: number;
  readonly snapshots: SnapshotPoller | undefined;
  /**
   * StorePoller for the stream in the store, now and from time to time, until the returned function is called; a channel is
   * made if it is not there.
   */
  readonly look:
    | ((id: string, kind: StreamKind, listener: (looked: LookupResult) => void) => () => void)
    | undefined;
  /** Whether a stream is held only for its readers, so that there may be more of it elsewhere. */
  readonly isReplica: (stream: Stream) => boolean;
  /** Starts the stream's source, if the registry has one for it; resolves the openListeners. */
  readonly startSource: ((id: string) => void) | undefined;
  /** Nudges the stream's readers in the next turn. */
  changed(stream: Stream): void;
}

/** What a client came for. */
export interface Target {
  readonly id: string;
  /** What it is made as, if it can be made for a client. @default "stream", which cannot */
  readonly kind?: StreamKind;
  readonly find: () => Stream | undefined;
  readonly cursor: string | undefined;
  /** Whether the client counts against the limits. */
  readonly counted: boolean;
}

/** A client at the registry, and the way from the stream that it came for to its reader. */
export class RequestContext {
  readonly registry: RegistryContext;
  readonly connection: Connection;
  readonly target: Target;
  readonly options: ResolvedDelivery;

  constructor(registry: RegistryContext, connection: Connection, target: Target, options: ResolvedDelivery) {
    this.registry = registry;
    this.connection = connection;
    this.target = target;
    this.options = options;
  }

  /** Whether the stream has what comes behind the client's cursor. */
  isServedBy(stream: Stream): boolean {
    return startPosition(stream, this.target.cursor, this.options.from).reset === undefined;
  }

  followLog(stream: Stream, from: From = this.options.from): void {
    this.#follow(stream, handshakeFromLog(stream, this.#client(from)));
    this.connection.pump();
  }

  followBehind(stream: Stream, prefix: SnapshotPrefix): void {
    this.#follow(stream, handshakeFromSnapshot(stream, this.#client(this.options.from), prefix));
    this.connection.pump();
  }

  /** It was opened while the client waited: it is read from its first event, whatever `from` says. */
  followOpened(stream: Stream): void {
    this.#follow(stream, handshakeFromLog(stream, this.#client("start")));
    this.registry.changed(stream);
  }

  /** Look-up and registration are one synchronous step: from here on the reader holds the stream itself. */
  #follow(stream: Stream, opening: Handshake): void {
    const { connection, registry } = this;
    connection.begin();
    const reader = new Reader(stream, connection, opening, registry.pool.runtime.report);
    connection.follow(reader);
    stream.attach(reader);
    connection.latch.defer(() => reader.leave());
  }

  #client(from: From): Listener {
    const { heartbeat, control } = this.options;
    return { cursor: this.target.cursor, from, heartbeat, control, retry: this.connection.retry() };
  }
}
