/** An argument of a command. */
export type Argument = string | Buffer;

/** The commands that the store sends by itself. */
type CommandName = "eval" | "evalsha" | "unlink";

/** What the store needs of a client, whichever it is. */
export interface RedisPort {
  /** Whether it speaks to a cluster, where hints go through sharded channels. */
  readonly sharded: boolean;
  /** What has to be put before names, since the client does not do it by itself for these. */
  readonly prefix: { readonly keys: string; readonly channels: string };
  /** Sends a command that concerns `key`. Strings in the answer are `Buffer`s. */
  call(command: CommandName, key: string, args: Argument[]): Promise<unknown>;
  /** Tells when the client's connection is gone and when it is back; returns how to stop. */
  readonly watch: (listener: (up: boolean) => void) => () => void;
  /** A connection of its own, with the client's settings. */
  subscriber(events: SubscriberEvents): Subscriber;
}

export interface SubscriberEvents {
  message(channel: string, payload: string): void;
  /** The connection is over, or was never made. May come more than once. */
  over(error: Error): void;
}

/** A connection that hears hints. It has one life: it MUST NOT connect again by itself. */
export interface Subscriber {
  connect(): Promise<unknown>;
  subscribe(channels: string[]): Promise<unknown>;
  unsubscribe(channels: string[]): Promise<unknown>;
  /** Proves that the other side is there. */
  ping(): Promise<unknown>;
  /** MUST NOT throw. */
  close(): void;
}
