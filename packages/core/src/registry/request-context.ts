import type { Connection } from "../connection/connection.ts";
import type { Crowd } from "../connection/connection-pool.ts";
import type { HoldfastError } from "../base/errors.ts";
import { type Listener, openBehind, openFromLog, type Opening, positionIn } from "../stream/handshake.ts";
import type { ResolvedDelivery } from "../connection/options.ts";
import type { From } from "../protocol/cursor.ts";
import { Reader } from "../stream/reader.ts";
import type { Prelude } from "../stream/snapshot.ts";
import type { Snapshots } from "../stream/snapshot-poller.ts";
import type { Stream, StreamKind } from "../stream/stream.ts";
import type { Waiters } from "../base/keyed-listeners.ts";

/** What came of a look into the store. */
export type Looked =
  | { readonly state: "here"; readonly stream: Stream }
  | { readonly state: "missing" }
  /** The store is away, or the registry has no room. */
  | { readonly state: "unknown" | "full"; readonly error: HoldfastError };

/** The registry as a client that comes sees it. */
export interface House {
  readonly crowd: Crowd;
  readonly waiters: Waiters<Stream>;
  /** The counted ones of those who were told that they wait. */
  readonly waiting: Set<object>;
  readonly maxWaiting: number;
  readonly snapshots: Snapshots | undefined;
  /**
   * Looks for the stream in the store, now and from time to time, until the returned function is called; a channel is
   * made if it is not there.
   */
  readonly look:
    | ((id: string, kind: StreamKind, listener: (looked: Looked) => void) => () => void)
    | undefined;
  /** Whether a stream is held only for its readers, so that there may be more of it elsewhere. */
  readonly isReplica: (stream: Stream) => boolean;
  /** Starts the stream's source, if the registry has one for it; resolves the waiters. */
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
export class Visit {
  readonly house: House;
  readonly connection: Connection;
  readonly target: Target;
  readonly options: ResolvedDelivery;

  constructor(house: House, connection: Connection, target: Target, options: ResolvedDelivery) {
    this.house = house;
    this.connection = connection;
    this.target = target;
    this.options = options;
  }

  /** Whether the stream has what comes behind the client's cursor. */
  isServedBy(stream: Stream): boolean {
    return positionIn(stream, this.target.cursor, this.options.from).reset === undefined;
  }

  followLog(stream: Stream, from: From = this.options.from): void {
    this.#follow(stream, openFromLog(stream, this.#client(from)));
    this.connection.pump();
  }

  followBehind(stream: Stream, prelude: Prelude): void {
    this.#follow(stream, openBehind(stream, this.#client(this.options.from), prelude));
    this.connection.pump();
  }

  /** It was opened while the client waited: it is read from its first event, whatever `from` says. */
  followOpened(stream: Stream): void {
    this.#follow(stream, openFromLog(stream, this.#client("start")));
    this.house.changed(stream);
  }

  /** Look-up and registration are one synchronous step: from here on the reader holds the stream itself. */
  #follow(stream: Stream, opening: Opening): void {
    const { connection, house } = this;
    connection.begin();
    const reader = new Reader(stream, connection, opening, house.crowd.report);
    connection.follow(reader);
    stream.attach(reader);
    connection.latch.defer(() => reader.leave());
  }

  #client(from: From): Listener {
    const { heartbeat, control } = this.options;
    return { cursor: this.target.cursor, from, heartbeat, control, retry: this.connection.retry() };
  }
}
