import type { KeyedListeners } from "../base/keyed-listeners.ts";
import type { ClientConnection } from "../connection/client-connection.ts";
import type { ConnectionPool } from "../connection/connection-pool.ts";
import type { ResolvedDelivery } from "../connection/options.ts";
import type { From, StartPosition } from "../protocol/cursor.ts";
import type { Runtime } from "../protocol/runtime.ts";
import {
  type Handshake,
  handshakeFromLog,
  handshakeFromSnapshot,
  type HandshakeOptions,
  startPosition,
} from "../stream/handshake.ts";
import { FilteredOutput, FilteredReader } from "../stream/filtered-output.ts";
import { LatestStream } from "../stream/latest-stream.ts";
import { Reader } from "../stream/reader.ts";
import type { SnapshotPrefix } from "../stream/snapshot.ts";
import type { SnapshotPoller } from "../stream/snapshot-poller.ts";
import type { Stream, StreamKind } from "../stream/stream.ts";
import type { StreamHost } from "../stream/stream-host.ts";
import type { StreamTable } from "../stream/stream-table.ts";
import type { UnopenedCheck } from "./unopened-check.ts";

/** What a request needs of its registry. */
export interface RegistryContext {
  readonly runtime: Runtime;
  readonly pool: ConnectionPool;
  readonly table: StreamTable;
  readonly host: StreamHost;
  /** Calls those who wait for a stream when it is opened in this process. */
  readonly openListeners: KeyedListeners<Stream>;
  /** The counted clients that were told that they wait. */
  readonly waiting: Set<object>;
  readonly maxWaiting: number;
  readonly unopened: UnopenedCheck;
  readonly snapshots: SnapshotPoller | undefined;
  /**
   * Starts the registry's source for a stream, which calls the open listeners; `undefined` without a source.
   *
   * @throws `LIMIT_EXCEEDED`
   */
  readonly startSource: ((id: string) => void) | undefined;
}

/** What a client asks for. */
export interface Target {
  readonly id: string;
  readonly kind: StreamKind;
  /** The stream, if it is in this process. */
  readonly find: () => Stream | undefined;
  readonly cursor: string | undefined;
  /** Whether the client counts against the limits. */
  readonly counted: boolean;
}

/** One request: its connection, what it asks for, and how it is served once its stream is found. */
export class RequestContext {
  readonly registry: RegistryContext;
  readonly connection: ClientConnection;
  readonly target: Target;
  readonly options: ResolvedDelivery;

  constructor(
    registry: RegistryContext,
    connection: ClientConnection,
    target: Target,
    options: ResolvedDelivery,
  ) {
    this.registry = registry;
    this.connection = connection;
    this.target = target;
    this.options = options;
  }

  /** Where this client begins in a stream. Without a choice it gets all that is held, but of an ordinary channel what is new. */
  startIn(stream: Stream, from: From | undefined = this.options.from): StartPosition {
    from ??= stream.kind === "channel" && !(stream instanceof LatestStream) ? "now" : "start";
    return startPosition(stream, this.target.cursor, from);
  }

  serveFromLog(stream: Stream, start: StartPosition): void {
    if (this.#hasEverything(stream, start)) return this.connection.respondEmpty(204);
    this.#attachReader(stream, handshakeFromLog(stream, start, this.#handshakeOptions));
    this.connection.pump();
  }

  /**
   * Whether a client that ignores control events has the last event of an ended stream as its cursor. It may never have
   * seen the terminal id: Firefox ignores an `id:` in a block without data. A `control` function has words of its own for
   * a failure, which the client may not have got either.
   */
  #hasEverything(stream: Stream, { next, reset }: StartPosition): boolean {
    const { connection, target, options } = this;
    const { control } = options;
    const end = stream.visibleEnd;
    if (control === true || target.cursor === undefined || connection.started) return false;
    if (end === undefined || (typeof control === "function" && end.status !== "done")) return false;
    return reset === undefined && next > stream.last;
  }

  /** @param start where the client would begin without the prefix */
  serveFromSnapshot(stream: Stream, prefix: SnapshotPrefix, start: StartPosition): void {
    const isNew = this.target.cursor === undefined;
    const reset = isNew ? undefined : ({ reason: start.reset?.reason ?? "trimmed", lost: null } as const);
    this.#attachReader(stream, handshakeFromSnapshot(stream, prefix, reset, this.#handshakeOptions));
    this.connection.pump();
  }

  /** Serves a stream that was opened while the client waited: from its first event, whatever `from` says. */
  serveOpened(stream: Stream): void {
    const start = this.startIn(stream, "start");
    this.#attachReader(stream, handshakeFromLog(stream, start, this.#handshakeOptions));
    // Not at once: the producer is still inside `open`.
    this.registry.table.changed(stream);
  }

  /** Look-up and registration are one synchronous step: from here on the reader holds the stream itself. */
  #attachReader(stream: Stream, handshake: Handshake): void {
    const { connection, registry } = this;
    connection.start();
    const { filter } = this.options;
    const filtered = filter && new FilteredOutput(connection, filter);
    const reader = new Reader(stream, filtered ?? connection, handshake, registry.runtime.report);
    stream.attach(reader);
    connection.setSource(filtered === undefined ? reader : new FilteredReader(reader, filtered));
  }

  get #handshakeOptions(): HandshakeOptions {
    const { heartbeat, control } = this.connection.options;
    return { heartbeat, control, retry: this.connection.retryDelay() };
  }
}
