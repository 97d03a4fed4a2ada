import type { Store } from "@holdfast/core";
import { postgresStore } from "@holdfast/postgres";
import { redisStore } from "@holdfast/redis";
import { sqliteStore } from "@holdfast/sqlite";
import { Pool } from "pg";
import { hasPostgres, hasRedis } from "../peers/installed-programs.ts";

/** Where a store keeps its data: the port of a Redis, the path of a file, or the URL of a Postgres. */
export type Place = number | string;

/** What keeps the data of stores. */
export type Server = "redis" | "sqlite" | "postgres";

interface StoreUnderTest {
  readonly server: Server;
  connect(place: Place): Promise<Store>;
}

const postgres = (synchronousCommit: "on" | "off"): StoreUnderTest => ({
  server: "postgres",
  connect: async (place) =>
    postgresStore({ pool: new Pool({ connectionString: String(place) }), synchronousCommit }),
});

/** Every store, that on Redis on each client library that it supports. */
export const stores: Readonly<Record<string, StoreUnderTest>> = {
  redis: {
    server: "redis",
    async connect(place) {
      const { createClient } = await import("redis");
      return redisStore({ client: await createClient({ url: `redis://127.0.0.1:${place}` }).connect() });
    },
  },
  ioredis: {
    server: "redis",
    async connect(place) {
      const { Redis } = await import("ioredis");
      return redisStore({ client: new Redis(Number(place), "127.0.0.1") });
    },
  },
  sqlite: { server: "sqlite", connect: async (place) => sqliteStore({ path: String(place) }) },
  postgres: postgres("on"),
  "postgres, off": postgres("off"),
};

/** @throws for a name that is not in {@link stores} */
export function storeOf(name: string): StoreUnderTest {
  const store = stores[name];
  if (store === undefined) throw new Error(`There is no store ${name}`);
  return store;
}

const INSTALLED: Readonly<Record<Server, boolean>> = {
  redis: hasRedis,
  sqlite: true,
  postgres: hasPostgres,
};

/** Those of the names whose server is installed. */
export function installed<Name extends string>(
  names: readonly Name[],
  serverOf: (name: Name) => Server,
): readonly Name[] {
  return names.filter((name) => INSTALLED[serverOf(name)]);
}

/** Longer than any measurement: no lease and no stream expires. */
export const LIFETIMES = { leaseMs: 600_000, ttlMs: 600_000 };
export const EPOCH = "aaaaaaaaaa";
