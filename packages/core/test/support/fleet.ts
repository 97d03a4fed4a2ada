import type { RegistryOptions } from "../../src/registry/registry.ts";
import {
  createFakeClock,
  createMemoryStore,
  type FakeClock,
  type MemoryStore,
} from "../../src/testing/index.ts";
import { createFaultyStore, type FaultyStore } from "./faulty-store.ts";
import { type House, house } from "./test-registry.ts";
import { seededRandom } from "./seeded-random.ts";

/** A house with its own way to the store. */
interface Ship extends House {
  readonly link: FaultyStore;
}

/** Several processes that share a store. */
export interface Fleet {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly ships: readonly [Ship, Ship, Ship];
  /** Closes all at once; everything is to be quiet then. */
  readonly close: () => Promise<void>;
}

export function fleet(options: RegistryOptions = {}): Fleet {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  const launch = (number: number): Ship => {
    const random = seededRandom(number);
    const link = createFaultyStore(store, { clock, random });
    return { ...house({ random, ...options, clock, store: link }, clock), link };
  };
  const ships = [launch(1), launch(2), launch(3)] as const;
  return {
    clock,
    store,
    ships: [...ships],
    async close() {
      const closed = ships.map(({ registry }) => registry.close({ deadline: 0, spread: 0 }));
      await clock.advance(0);
      await Promise.all(closed);
    },
  };
}
