import type { Argument, RedisPort, Subscriber, SubscriberEvents } from "./port.ts";

/* What is used of `ioredis` 6: its client and its cluster. */

interface Common {
  readonly options: { readonly keyPrefix?: string | Buffer };
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  evalBuffer(args: Argument[]): Promise<unknown>;
  evalshaBuffer(args: Argument[]): Promise<unknown>;
  unlinkBuffer(args: Argument[]): Promise<unknown>;
  connect(): Promise<unknown>;
  disconnect(): void;
}

export interface Ioredis extends Common {
  duplicate(overrides: object): Ioredis;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  ping(): Promise<unknown>;
}

export interface IoredisCluster extends Common {
  readonly isCluster: true;
  duplicate(nodes: [], overrides: object): IoredisCluster;
  ssubscribe(channel: string): Promise<unknown>;
  sunsubscribe(channel: string): Promise<unknown>;
}

/** It lives once, and puts nothing before channels: it does so for some commands only. */
const ONCE = { lazyConnect: true, keyPrefix: "" };
const DISCONNECTED = ["error", "close", "end"];

export function ioredisPort(client: Ioredis): RedisPort {
  return {
    ...commonPort(client),
    sharded: false,
    subscriber(events) {
      const own = client.duplicate({ ...ONCE, retryStrategy: null, reconnectOnError: null });
      return {
        ...lifeOf(own, events, DISCONNECTED, "message"),
        subscribe: (channels) => own.subscribe(...channels),
        unsubscribe: (channels) => own.unsubscribe(...channels),
        ping: () => own.ping(),
      };
    },
  };
}

export function ioredisClusterPort(client: IoredisCluster): RedisPort {
  return {
    ...commonPort(client),
    sharded: true,
    subscriber(events) {
      const own = client.duplicate([], { ...ONCE, shardedSubscribers: true, clusterRetryStrategy: null });
      // Channels may be on different nodes: each goes by itself. Its connections for that cannot be pinged.
      return {
        ...lifeOf(own, events, [...DISCONNECTED, "node error", "-node"], "smessage"),
        subscribe: (channels) => Promise.all(channels.map((name) => own.ssubscribe(name))),
        unsubscribe: (channels) => Promise.all(channels.map((name) => own.sunsubscribe(name))),
        ping: () => Promise.resolve(),
      };
    },
  };
}

function commonPort(client: Common): Pick<RedisPort, "prefix" | "call" | "watch"> {
  return {
    // It puts its prefix before the keys of every command by itself.
    prefix: { keys: "", channels: String(client.options.keyPrefix ?? "") },
    // Not by `callBuffer`, which its own pipelines do not understand.
    call: (command, _key, args) => client[`${command}Buffer`](args),
    watch(listener) {
      const up = (): void => listener(true);
      const down = (): void => listener(false);
      client.on("ready", up);
      client.on("close", down);
      return () => {
        client.off("ready", up);
        client.off("close", down);
      };
    },
  };
}

function lifeOf(
  own: Common,
  events: SubscriberEvents,
  endings: readonly string[],
  message: string,
): Pick<Subscriber, "connect" | "close"> {
  own.on(message, (channel: string, payload: string) => events.message(channel, payload));
  for (const name of endings) {
    own.on(name, (error?: unknown) => {
      events.over(error instanceof Error ? error : new Error("The connection is over."));
    });
  }
  return { connect: () => own.connect(), close: () => own.disconnect() };
}
