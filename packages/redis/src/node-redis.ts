import type { Argument, RedisPort, Subscriber, SubscriberEvents } from "./port.ts";

/* What is used of `redis` 6: its client and its cluster. */

type Listener = (message: string, channel: string) => void;

interface Emitter {
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
}

interface Lifecycle extends Emitter {
  connect(): Promise<unknown>;
  destroy(): void;
}

interface CommandOptions {
  readonly typeMapping: object;
  readonly timeout?: number | undefined;
}

interface Settings {
  readonly keyPrefix?: string | Buffer;
  readonly socket?: object;
}

export interface NodeRedis extends Lifecycle {
  readonly isReady: boolean;
  readonly options?: Settings;
  sendCommand(args: Argument[], options: CommandOptions): Promise<unknown>;
  duplicate(overrides: object): NodeRedis;
  subscribe(channels: string[], listener: Listener): Promise<unknown>;
  unsubscribe(channels: string[]): Promise<unknown>;
  ping(): Promise<unknown>;
}

export interface NodeRedisCluster extends Lifecycle {
  readonly _options?: Settings & { readonly defaults?: Settings };
  sendCommand(key: string, readOnly: boolean, args: Argument[], options: CommandOptions): Promise<unknown>;
  duplicate(overrides: object): NodeRedisCluster;
  sSubscribe(channel: string, listener: Listener): Promise<unknown>;
  sUnsubscribe(channel: string): Promise<unknown>;
}

/** `RESP_TYPES.BLOB_STRING`: what frames are answered as. */
const BLOB_STRING = 36;
const BYTES = { [BLOB_STRING]: Buffer };

/** Its own timeouts, one signal for each command, are only of use while it queues: they take back what was not sent. */
const SENT: CommandOptions = { typeMapping: BYTES, timeout: undefined };

export function nodeRedisPort(client: NodeRedis, timeout: number): RedisPort {
  const prefix = String(client.options?.keyPrefix ?? "");
  const queued: CommandOptions = { typeMapping: BYTES, timeout };
  return {
    sharded: false,
    prefix: { keys: prefix, channels: prefix },
    call: (command, _key, args) => client.sendCommand([command, ...args], client.isReady ? SENT : queued),
    watch: (listener) =>
      watchEvents(client, {
        ready: () => listener(true),
        reconnecting: () => listener(false),
        end: () => listener(false),
        terminated: () => listener(false),
      }),
    subscriber(events) {
      const socket = { ...client.options?.socket, reconnectStrategy: false };
      const own = client.duplicate({ socket, pingInterval: 0, clientSideCache: undefined });
      return {
        ...lifeOf(own, events, ["error", "terminated", "end"]),
        subscribe: (channels) =>
          own.subscribe(channels, (payload, channel) => events.message(channel, payload)),
        unsubscribe: (channels) => own.unsubscribe(channels),
        ping: () => own.ping(),
      };
    },
  };
}

export function nodeRedisClusterPort(client: NodeRedisCluster, timeout: number): RedisPort {
  const prefix = String(client._options?.keyPrefix ?? "");
  return {
    sharded: true,
    prefix: { keys: prefix, channels: prefix },
    call: (command, key, args) => client.sendCommand(key, false, [command, ...args], SENT),
    watch: (listener) =>
      watchEvents(client, { "node-ready": () => listener(true), "node-error": () => listener(false) }),
    subscriber(events) {
      const defaults = client._options?.defaults;
      // There is no way to ping the connections that it subscribes with; it can do that itself.
      const socket = { ...defaults?.socket, reconnectStrategy: false, socketTimeout: 2 * timeout };
      const own = client.duplicate({
        defaults: { ...defaults, socket, pingInterval: timeout },
        clientSideCache: undefined,
      });
      // Channels may be on different nodes: each goes by itself.
      return {
        ...lifeOf(own, events, ["error", "node-error", "sharded-channel-moved-error"]),
        subscribe: (channels) =>
          Promise.all(
            channels.map((name) =>
              own.sSubscribe(name, (payload, channel) => events.message(channel, payload)),
            ),
          ),
        unsubscribe: (channels) => Promise.all(channels.map((name) => own.sUnsubscribe(name))),
        ping: () => Promise.resolve(),
      };
    },
  };
}

function lifeOf(
  own: Lifecycle,
  events: SubscriberEvents,
  endings: readonly string[],
): Pick<Subscriber, "connect" | "close"> {
  for (const name of endings) {
    own.on(name, (error?: unknown) => {
      events.over(error instanceof Error ? error : new Error("The connection is over."));
    });
  }
  return { connect: () => own.connect(), close: () => own.destroy() };
}

function watchEvents(client: Emitter, listeners: Readonly<Record<string, () => void>>): () => void {
  for (const [name, listener] of Object.entries(listeners)) client.on(name, listener);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) client.off(name, listener);
  };
}
