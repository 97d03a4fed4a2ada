/** The process that produces answers, one token at a time. */
import { pace } from "../harness/pace.ts";
import { token } from "../harness/payload.ts";
import { expose } from "../harness/remote.ts";
import { usage } from "../harness/usage.ts";
import { ways } from "./ways.ts";

let send: (path: string, data: string) => void;
let paths: string[] = [];

const api = {
  usage,
  async start(way: string, port: number, path: string, streams: number): Promise<void> {
    paths = Array.from({ length: streams }, (_, index) => `${path}${index}`);
    send = (await ways[way]?.produce(port, paths)) as typeof send;
  },
  /** Each stream has a clock of its own. */
  async speak(tokens: number, every: number): Promise<void> {
    await Promise.all(
      paths.map(async (path, index) => {
        await new Promise((resolve) => setTimeout(resolve, (every * index) / paths.length));
        await pace(tokens, every, () => send(path, token()));
      }),
    );
  },
};

export type ProducerApi = typeof api;
expose(api);
