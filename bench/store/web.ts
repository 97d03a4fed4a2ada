/** The process that serves what another one produces. */
import { expose } from "../harness/remote.ts";
import { usage } from "../harness/usage.ts";
import { ways } from "./ways.ts";

const api = {
  usage,
  async start(way: string, port: number): Promise<number> {
    return (await ways[way]?.serve(port)) as number;
  },
};

export type WebApi = typeof api;
expose(api);
