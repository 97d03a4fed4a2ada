import type { Store } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/core/testing";
import { redisStore } from "@holdfast/redis";
import { Redis } from "ioredis";
import { createFaultyStore, type FaultyStore } from "../../packages/core/test/support/faulty-store.ts";
import { fastClock, storeOnFastClock } from "../../packages/conformance/test/processes/fast-clock.ts";
import type { Random } from "../harness/random.ts";

/** The port of Redis is that of a proxy, where its faults happen. */
export type StoreConfig =
  | { readonly kind: "none" | "memory" }
  | { readonly kind: "redis"; readonly port: number };

/** The store of a server process. */
export interface OpenStore {
  /** The store as one service has it. */
  connect(): Store | undefined;
  /** Lets calls fail, or lets them succeed again. */
  setFaults(isOn: boolean): void;
  /** How many calls have failed on purpose, and how often everything was lost. */
  faults(): number;
  close(): Promise<void>;
}

const NO_STORE: OpenStore = {
  connect: () => undefined,
  setFaults: () => undefined,
  faults: () => 0,
  close: async () => undefined,
};

export function openStore(config: StoreConfig, random: Random): OpenStore {
  if (config.kind === "redis") return onRedis(config.port);
  return config.kind === "memory" ? inMemory(random) : NO_STORE;
}

/** One store for all services of this process. Its calls fail, hang, come late, or lose their replies. */
function inMemory(random: Random): OpenStore {
  const store = createMemoryStore({ clock: fastClock });
  const links: FaultyStore[] = [];
  let flushes = 0;
  return {
    connect() {
      const link = createFaultyStore(store, { clock: fastClock, random: random.next });
      links.push(link);
      return link;
    },
    setFaults(isOn) {
      for (const link of links) {
        link.callFates = isOn
          ? ["ok", "ok", "ok", "ok", "rejected", "hanging", "late", "reply lost"]
          : ["ok"];
        link.wakeUpFates = isOn ? ["ok", "dropped", "doubled", "late"] : ["ok"];
      }
      if (isOn && random.chance(0.3)) {
        flushes++;
        store.flush();
      }
    },
    faults: () => links.reduce((sum, { faultCount }) => sum + faultCount, flushes),
    close: async () => undefined,
  };
}

function onRedis(port: number): OpenStore {
  const client = new Redis(port, "127.0.0.1", { retryStrategy: () => 50 });
  client.on("error", () => undefined);
  return {
    ...NO_STORE,
    connect: () =>
      storeOnFastClock(
        redisStore({ client, timeout: 4_000, clock: fastClock, observer: { failed: () => undefined } }),
      ),
    close: async () => client.disconnect(),
  };
}
