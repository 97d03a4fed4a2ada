/** The process that serves streams that another process produces. */
import { processUsage } from "../harness/process-usage.ts";
import { expose } from "../harness/rpc.ts";
import { implementations } from "./implementations.ts";

const api = {
  usage: processUsage,
  async start(implementation: string, port: number): Promise<number> {
    return (await implementations[implementation]?.serve(port)) as number;
  },
};

export type WebApi = typeof api;
expose(api);
