import type { RegistryOptions } from "../../src/registry/types.ts";
import {
  createFakeClock,
  createMemoryStore,
  type FakeClock,
  type MemoryStore,
} from "../../src/testing/index.ts";
import { createFaultyStore, type FaultyStore, type FaultyStoreOptions } from "./faulty-store.ts";
import { type TestRegistry, createTestRegistry } from "./test-registry.ts";
import { seededRandom } from "./seeded-random.ts";

/** One process of a cluster: a registry with its own connection to the store. */
interface ClusterProcess extends TestRegistry {
  /** Its connection to the store, on which a test can make calls and wake-ups fail. */
  readonly link: FaultyStore;
}

/** Three processes that share a store. */
export interface Cluster {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly processes: readonly [ClusterProcess, ClusterProcess, ClusterProcess];
  /** Closes all registries at once. After this no timer is left. */
  readonly close: () => Promise<void>;
}

export function createCluster({
  hasMarker = true,
  ...options
}: RegistryOptions & Pick<FaultyStoreOptions, "hasMarker"> = {}): Cluster {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  const start = (number: number): ClusterProcess => {
    const random = seededRandom(number);
    const link = createFaultyStore(store, { clock, random, hasMarker });
    return { ...createTestRegistry({ random, ...options, clock, store: link }, clock), link };
  };
  const processes = [start(1), start(2), start(3)] as const;
  return {
    clock,
    store,
    processes: [...processes],
    async close() {
      const closed = processes.map(({ registry }) => registry.close({ deadline: 0, spread: 0 }));
      await clock.advance(0);
      await Promise.all(closed);
    },
  };
}
