import type { CommandArgument, PubSubConnection, PubSubEvents, RedisConnector } from "./connector.ts";

/* The part of `redis` 6 that the store uses. */

type MessageListener = (payload: string, channel: string) => void;

interface Events {
  readonly on: (event: string, listener: () => void) => unknown;
  readonly off: (event: string, listener: () => void) => unknown;
}

export interface NodeRedisClient extends Events {
  /** Only a cluster has it. */
  readonly nodeByAddress?: undefined;
  readonly isReady?: boolean;
  readonly options?: { readonly keyPrefix?: string | Buffer; readonly socket?: object };
  readonly sendCommand: (args: CommandArgument[], options: object) => Promise<unknown>;
  readonly duplicate: (overrides: object) => NodeRedisPubSub;
}

export interface NodeRedisCluster extends Events {
  readonly nodeByAddress: object;
  readonly _options?: {
    readonly keyPrefix?: string | Buffer;
    readonly defaults?: { readonly socket?: object };
  };
  readonly sendCommand: (
    key: string,
    readOnly: boolean,
    args: CommandArgument[],
    options: object,
  ) => Promise<unknown>;
  readonly duplicate: (overrides: object) => NodeRedisClusterPubSub;
}

interface Connection {
  readonly on: (event: string, listener: (error?: Error) => void) => unknown;
  readonly connect: () => Promise<unknown>;
  readonly destroy: () => void;
}

interface NodeRedisPubSub extends Connection {
  readonly subscribe: (channels: string[], listener: MessageListener) => Promise<unknown>;
  readonly unsubscribe: (channels: string[]) => Promise<unknown>;
  readonly ping: () => Promise<unknown>;
}

interface NodeRedisClusterPubSub extends Connection {
  readonly sSubscribe: (channel: string, listener: MessageListener) => Promise<unknown>;
  readonly sUnsubscribe: (channel: string) => Promise<unknown>;
}

/** `RESP_TYPES.BLOB_STRING`: the type of strings in a reply. */
const BLOB_STRING = 36;
const TYPE_MAPPING = { [BLOB_STRING]: Buffer };

/**
 * The timeout of `redis` only removes commands that still wait to be sent, and costs an `AbortSignal` for each. A
 * command that is sent at once does without; `undefined` replaces a default of the client.
 */
const SENT_AT_ONCE = { typeMapping: TYPE_MAPPING, timeout: undefined };

export function nodeRedisConnector(client: NodeRedisClient, timeout: number): RedisConnector {
  const prefix = String(client.options?.keyPrefix ?? "");
  const queued = { typeMapping: TYPE_MAPPING, timeout };
  return {
    sharded: false,
    prefix: { keys: prefix, channels: prefix },
    send: (command, _key, args) =>
      client.sendCommand([command, ...args], client.isReady ? SENT_AT_ONCE : queued),
    watchConnection: (listener) =>
      addListeners(client, {
        ready: () => listener(true),
        reconnecting: () => listener(false),
        end: () => listener(false),
        terminated: () => listener(false),
      }),
    createPubSub(events) {
      const socket = { ...client.options?.socket, reconnectStrategy: false };
      const duplicate = client.duplicate({ socket, pingInterval: 0, clientSideCache: undefined });
      return {
        ...connectionOf(duplicate, events, ["error", "terminated", "end"]),
        subscribe: (channels) =>
          duplicate.subscribe(channels, (payload, channel) => events.message(channel, payload)),
        unsubscribe: (channels) => duplicate.unsubscribe(channels),
        ping: () => duplicate.ping(),
      };
    },
  };
}

export function nodeRedisClusterConnector(client: NodeRedisCluster, timeout: number): RedisConnector {
  const prefix = String(client._options?.keyPrefix ?? "");
  return {
    sharded: true,
    prefix: { keys: prefix, channels: prefix },
    send: (command, key, args) => client.sendCommand(key, false, [command, ...args], SENT_AT_ONCE),
    watchConnection: (listener) =>
      addListeners(client, { "node-ready": () => listener(true), "node-error": () => listener(false) }),
    createPubSub(events) {
      const defaults = client._options?.defaults;
      // The store cannot ping the connections that a cluster subscribes with, so the cluster has to do it.
      const socket = { ...defaults?.socket, reconnectStrategy: false, socketTimeout: 2 * timeout };
      const duplicate = client.duplicate({
        defaults: { ...defaults, socket, pingInterval: timeout },
        clientSideCache: undefined,
      });
      // The channels may belong to different nodes, so each needs a command to itself.
      return {
        ...connectionOf(duplicate, events, ["error", "node-error", "sharded-channel-moved-error"]),
        subscribe: (channels) =>
          Promise.all(
            channels.map((name) =>
              duplicate.sSubscribe(name, (payload, channel) => events.message(channel, payload)),
            ),
          ),
        unsubscribe: (channels) => Promise.all(channels.map((name) => duplicate.sUnsubscribe(name))),
        ping: () => Promise.resolve(),
      };
    },
  };
}

function connectionOf(
  duplicate: Connection,
  events: PubSubEvents,
  closingEvents: readonly string[],
): Pick<PubSubConnection, "connect" | "close"> {
  for (const event of closingEvents) {
    duplicate.on(event, (error) => {
      events.closed(error instanceof Error ? error : new Error("The connection to Redis is closed."));
    });
  }
  return { connect: () => duplicate.connect(), close: () => duplicate.destroy() };
}

/** Returns how to remove them. */
function addListeners(client: Events, listeners: Readonly<Record<string, () => void>>): () => void {
  for (const [event, listener] of Object.entries(listeners)) client.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) client.off(event, listener);
  };
}
