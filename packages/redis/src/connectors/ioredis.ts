import type { CommandArgument, PubSubConnection, PubSubEvents, RedisConnector } from "./connector.ts";

/* The part of `ioredis` 6 that the store uses. */

/**
 * Commands whose replies have `Buffer`s for strings. `ioredis` adds these methods when it loads, and its types do not
 * declare them.
 */
export interface IoredisBufferCommands {
  readonly evalBuffer: (args: CommandArgument[]) => Promise<unknown>;
  readonly evalshaBuffer: (args: CommandArgument[]) => Promise<unknown>;
  readonly unlinkBuffer: (args: CommandArgument[]) => Promise<unknown>;
}

/** The socket of a client; a cluster has none. */
interface Socket {
  readonly cork: () => void;
  readonly uncork: () => void;
}

interface Common extends Partial<IoredisBufferCommands> {
  readonly isCluster: boolean;
  readonly options?: { readonly keyPrefix?: string | Buffer | undefined };
  readonly stream?: Partial<Socket> | undefined;
  readonly on: (event: string, listener: () => void) => unknown;
  readonly off: (event: string, listener: () => void) => unknown;
}

export interface IoredisClient extends Common {
  readonly duplicate: (overrides: object) => IoredisPubSub;
}

export interface IoredisCluster extends Common {
  readonly duplicate: (nodes: [], overrides: object) => IoredisClusterPubSub;
}

interface Connection {
  readonly on: (event: string, listener: (first?: unknown, second?: unknown) => void) => unknown;
  readonly connect: () => Promise<unknown>;
  readonly disconnect: () => void;
}

interface IoredisPubSub extends Connection {
  readonly subscribe: (...channels: string[]) => Promise<unknown>;
  readonly unsubscribe: (...channels: string[]) => Promise<unknown>;
  readonly ping: () => Promise<unknown>;
}

interface IoredisClusterPubSub extends Connection {
  readonly ssubscribe: (channel: string) => Promise<unknown>;
  readonly sunsubscribe: (channel: string) => Promise<unknown>;
}

/** `ioredis` prefixes channels in some commands only, so the store prefixes them itself. */
const PUB_SUB_OPTIONS = { lazyConnect: true, keyPrefix: "" };
const CLOSING_EVENTS = ["error", "close", "end"];

export function ioredisConnector(client: IoredisClient & IoredisBufferCommands): RedisConnector {
  return {
    ...commandsOf(client),
    sharded: false,
    createPubSub(events) {
      const duplicate = client.duplicate({
        ...PUB_SUB_OPTIONS,
        retryStrategy: null,
        reconnectOnError: null,
      });
      return {
        ...connectionOf(duplicate, events, CLOSING_EVENTS, "message"),
        subscribe: (channels) => duplicate.subscribe(...channels),
        unsubscribe: (channels) => duplicate.unsubscribe(...channels),
        ping: () => duplicate.ping(),
      };
    },
  };
}

export function ioredisClusterConnector(client: IoredisCluster & IoredisBufferCommands): RedisConnector {
  return {
    ...commandsOf(client),
    sharded: true,
    createPubSub(events) {
      const duplicate = client.duplicate([], {
        ...PUB_SUB_OPTIONS,
        shardedSubscribers: true,
        clusterRetryStrategy: null,
      });
      // The channels may belong to different nodes, so each needs a command to itself. The connections that a cluster
      // subscribes with cannot be pinged.
      return {
        ...connectionOf(duplicate, events, [...CLOSING_EVENTS, "node error", "-node"], "smessage"),
        subscribe: (channels) => Promise.all(channels.map((name) => duplicate.ssubscribe(name))),
        unsubscribe: (channels) => Promise.all(channels.map((name) => duplicate.sunsubscribe(name))),
        ping: () => Promise.resolve(),
      };
    },
  };
}

function commandsOf(
  client: Common & IoredisBufferCommands,
): Pick<RedisConnector, "prefix" | "send" | "watchConnection"> {
  return {
    // The client itself prefixes the keys of every command.
    prefix: { keys: "", channels: String(client.options?.keyPrefix ?? "") },
    // `callBuffer` would be simpler, but the automatic pipelines of `ioredis` do not support it.
    send(command, _key, args) {
      batchWrites(client.stream);
      return client[`${command}Buffer`](args);
    },
    watchConnection(listener) {
      const onReady = (): void => listener(true);
      const onClose = (): void => listener(false);
      client.on("ready", onReady);
      client.on("close", onClose);
      return () => {
        client.off("ready", onReady);
        client.off("close", onClose);
      };
    },
  };
}

function connectionOf(
  duplicate: Connection,
  events: PubSubEvents,
  closingEvents: readonly string[],
  messageEvent: string,
): Pick<PubSubConnection, "connect" | "close"> {
  duplicate.on(messageEvent, (channel, payload) => events.message(String(channel), String(payload)));
  for (const event of closingEvents) {
    duplicate.on(event, (error) => {
      events.closed(error instanceof Error ? error : new Error("The connection to Redis is closed."));
    });
  }
  return { connect: () => duplicate.connect(), close: () => duplicate.disconnect() };
}

const corked = new WeakSet<object>();

/** `ioredis` writes each command by itself: a system call, which is a quarter of what an append costs here. */
function batchWrites(socket: Partial<Socket> | undefined): void {
  if (socket?.cork === undefined || socket.uncork === undefined || corked.has(socket)) return;
  corked.add(socket);
  socket.cork();
  process.nextTick(() => {
    corked.delete(socket);
    socket.uncork?.();
  });
}
