/** The process that produces token streams. */
import { token } from "../harness/payload.ts";
import { processUsage } from "../harness/process-usage.ts";
import { repeat } from "../harness/repeat.ts";
import { expose } from "../harness/rpc.ts";
import { implementations } from "./implementations.ts";
import type { Place } from "./stores.ts";

let send: (path: string, data: string) => void;
let paths: string[] = [];

const api = {
  usage: processUsage,
  async start(implementation: string, place: Place, path: string, streams: number): Promise<void> {
    paths = Array.from({ length: streams }, (_, index) => `${path}${index}`);
    send = (await implementations[implementation]?.produce(place, paths)) as typeof send;
  },
  /** Each stream has its own timer, and their starts are spread over an interval. */
  async publishTokens(tokens: number, intervalMs: number): Promise<void> {
    await Promise.all(
      paths.map(async (path, index) => {
        await new Promise((resolve) => setTimeout(resolve, (intervalMs * index) / paths.length));
        await repeat(tokens, intervalMs, () => send(path, token()));
      }),
    );
  },
};

export type ProduceApi = typeof api;
expose(api);
