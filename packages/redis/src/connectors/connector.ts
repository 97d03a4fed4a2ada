import type { PubSubConnection, PubSubEvents } from "@holdfast/core/internal";

export type { PubSubConnection, PubSubEvents };

/** An argument of a Redis command. */
export type CommandArgument = string | Buffer;

/** The commands that the store sends directly; all others run inside its scripts. */
type CommandName = "eval" | "evalsha" | "unlink";

/** What the store needs from a Redis client, whichever library the client comes from. */
export interface RedisConnector {
  /** Whether the client belongs to a cluster. Hints then go through sharded channels. */
  readonly sharded: boolean;
  /** What the store must put before names, because the client does not do so for these commands. */
  readonly prefix: { readonly keys: string; readonly channels: string };
  /** Sends a command to the node that holds `key`. Strings in the reply are `Buffer`s. */
  send(command: CommandName, key: string, args: CommandArgument[]): Promise<unknown>;
  /** Reports when the client loses its connection and when it has it again. Returns how to stop. */
  readonly watchConnection: (listener: (connected: boolean) => void) => () => void;
  /** Prepares a connection for Pub/Sub with the settings of the client. Call `connect` to open it. */
  createPubSub(events: PubSubEvents): PubSubConnection;
}
