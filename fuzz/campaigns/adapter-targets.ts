import { Child } from "../harness/child-process.ts";
import { type AdapterName, adapters } from "../servers/adapters.ts";
import type { ServerCommands, ServerConfig } from "../servers/server-child.ts";
import type { ServerTarget, Setup } from "./server-campaign.ts";

export function startServers(config: ServerConfig): Child<ServerCommands> {
  return new Child(new URL("../servers/server-child.ts", import.meta.url), config);
}

/** One server in one process, without a store. */
async function open(adapter: AdapterName, seed: number): Promise<Setup> {
  const child = startServers({ adapter, seed, indexes: [0], processes: 1, store: { kind: "none" } });
  const nothing = async (): Promise<void> => undefined;
  return {
    children: [child],
    faults: { start: nothing, stop: nothing, count: async () => 0 },
    close: () => child.stop(),
  };
}

export const adapterTargets: readonly ServerTarget[] = (Object.keys(adapters) as AdapterName[]).map(
  (name) => ({
    name,
    protocol: name.endsWith("h2c") ? "h2c" : "http/1.1",
    open: (seed) => open(name, seed),
  }),
);
