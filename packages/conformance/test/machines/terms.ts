/*
 * What a machine and its parent have agreed upon.
 */

import type { Commands } from "./server.ts";

/** What a machine is started with. */
export interface Equipment {
  /** The port of Redis. */
  readonly redis: number;
  /** The client of Redis. */
  readonly library: "redis" | "ioredis";
  readonly durability: "local" | "stored";
}

export interface Call {
  readonly number: number;
  readonly name: keyof Commands;
  readonly given: readonly unknown[];
}

export interface Reply {
  readonly number: number;
  value?: unknown;
  error?: string;
}
