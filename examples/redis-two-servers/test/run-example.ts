import { join } from "node:path";
import { type RunningMachines, runMachines } from "../../common/test/run-machines.ts";
import { redisBinary } from "../../../packages/redis/test/support/redis-server.ts";
import type { ServiceProcess } from "../app.ts";
import type { Machines } from "../events.ts";

export const hasRedis: boolean = redisBinary !== undefined;

export interface RunningExample extends RunningMachines<Machines, ServiceProcess> {
  /** Resolves with the number of deleted keys. */
  flush(): Promise<number>;
}

/** Runs the example with its own Redis until the test is finished. */
export async function runExample(): Promise<RunningExample> {
  const script = join(import.meta.dirname, "../start.ts");
  const example = await runMachines<ServiceProcess, Machines>(script, ["a", "b", "worker"], {
    REDIS_URL: "",
  });
  return {
    ...example,
    async flush() {
      const response = await fetch(`${example.url}/redis/keys`, { method: "DELETE" });
      return ((await response.json()) as { keys: number }).keys;
    },
  };
}
