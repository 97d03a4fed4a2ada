/** The process that serves streams that another process produces. */
import { processUsage } from "../harness/process-usage.ts";
import { expose } from "../harness/rpc.ts";
import { implementations } from "./implementations.ts";
import type { Place } from "./stores.ts";

const api = {
  usage: processUsage,
  async start(implementation: string, place: Place): Promise<number> {
    return (await implementations[implementation]?.serve(place)) as number;
  },
};

export type WebApi = typeof api;
expose(api);
