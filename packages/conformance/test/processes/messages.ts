import type { Commands } from "./server.ts";

/*
 * The messages between a server process and its parent.
 */

/** What a server is started with. */
export interface ServerOptions {
  readonly redisPort: number;
  /** The Redis client that it uses. */
  readonly library: "redis" | "ioredis";
  readonly durability: "local" | "stored";
}

export interface Call {
  readonly number: number;
  readonly name: keyof Commands;
  readonly args: readonly unknown[];
}

export interface Reply {
  readonly number: number;
  value?: unknown;
  error?: string;
}
