import type { Clock } from "@holdfast/core";
import { type PubSubConnection, type PubSubEvents, withTimeout } from "@holdfast/core/internal";
import type { Database } from "../database.ts";
import { type PostgresClient, type PostgresPool, takeClient } from "../pool.ts";

export interface ListenerOptions {
  /** The pool that the connection is taken from. */
  readonly pool: PostgresPool;
  /** Sends the notification that proves that the connection gets some. */
  readonly database: Database;
  /** A channel that nobody else listens to. */
  readonly pingChannel: string;
  /** In ms. */
  readonly timeout: number;
  readonly clock: Clock;
}

const SILENT =
  "The connection for hints gets no notifications, so that events arrive late. Behind PgBouncer in transaction mode, pass a " +
  "pool of direct connections as `listenPool`.";

/** A connection that listens, until it fails or is closed. It stays with the store meanwhile. */
export function createListener(options: ListenerOptions, events: PubSubEvents): PubSubConnection {
  const { pool, database, pingChannel, timeout, clock } = options;
  let client: PostgresClient | undefined;
  let isClosed = false;
  let onPing: () => void = () => undefined;

  const onNotification = (message: unknown): void => {
    const { channel, payload = "" } = message as { channel: string; payload?: string };
    if (channel === pingChannel) onPing();
    else events.message(channel, payload);
  };
  const onFailure = (error: unknown): void =>
    events.closed(error instanceof Error ? error : new Error("The connection for hints has ended."));

  async function run(command: "LISTEN" | "UNLISTEN", channels: readonly string[]): Promise<void> {
    await client?.query(channels.map((channel) => `${command} "${channel}"`).join("; "));
  }

  /** Over another connection: a pooler passes on what comes while a statement is under way. */
  async function ping(): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      onPing = resolve;
    });
    await database.query("SELECT pg_notify($1, '')", [pingChannel]);
    try {
      await withTimeout(clock, timeout / 2, () => heard);
    } catch (cause) {
      throw new Error(SILENT, { cause });
    }
  }

  return {
    async connect() {
      const connected = await takeClient(pool, onFailure);
      if (isClosed) {
        connected.removeListener("error", onFailure);
        connected.release();
        return;
      }
      client = connected;
      client.on("notification", onNotification);
      client.on("end", onFailure);
      await run("LISTEN", [pingChannel]);
      await ping();
    },
    subscribe: (channels) => run("LISTEN", channels),
    unsubscribe: (channels) => run("UNLISTEN", channels),
    ping,
    close() {
      isClosed = true;
      const closed = client;
      client = undefined;
      if (closed === undefined) return;
      closed.removeListener("notification", onNotification);
      closed.removeListener("end", onFailure);
      // Its listener of errors stays: it may fail while it is closed.
      closed.release(true);
    },
  };
}
