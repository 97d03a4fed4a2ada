/*
 * The registry of one process of a service whose processes share a store.
 */
import { createRegistry, type Registry, type RegistryOptions } from "@holdfast/core";
import { redisStore } from "../../../redis/src/index.ts";
import { ioredis } from "../../../redis/test/support/clients.ts";
import { sqliteStore } from "../../../sqlite/src/index.ts";

/** Where the store is: the port of a Redis, or the path of a file. */
export type StorePlace = { readonly redisPort: number } | { readonly path: string };

const observer = { failed: () => undefined, warned: () => undefined };

export async function createSharedRegistry(
  place: StorePlace,
  options: RegistryOptions = {},
): Promise<Registry> {
  const store =
    "path" in place
      ? sqliteStore({ path: place.path })
      : redisStore({ client: (await ioredis.connect(place.redisPort)).client, observer });
  return createRegistry({ ...options, store, observer });
}
