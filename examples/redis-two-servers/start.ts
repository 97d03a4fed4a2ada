import { Machines as Processes } from "../common/machine-switches.ts";
import { startRedis } from "../common/own-redis.ts";
import { readPort, servePage, stop } from "../common/serve-page.ts";
import { createApp } from "./app.ts";
import type { Machines } from "./events.ts";
import { createRedis } from "./redis.ts";

const port = readPort();
const own = process.env.REDIS_URL
  ? undefined
  : await startRedis().catch((error: Error) => stop(error.message));
const url = own?.url ?? (process.env.REDIS_URL as string);
const client = createRedis(url);
await client.connect();

const env = { REDIS_URL: url, ORIGIN: "" };
const processes = new Processes(import.meta.dirname, { a: "web.ts", b: "web.ts", worker: "worker.ts" }, env);

function machines(): Machines {
  const { a, b, worker } = processes.runners;
  const redis = { status: "running", pid: own?.process.pid, url, isOwn: own !== undefined } as const;
  return { a: a.state, b: b.state, worker: worker.state, redis };
}

const app = createApp({
  processes,
  machines,
  async flush() {
    const keys = await client.dbSize();
    await client.flushAll();
    return keys;
  },
});

servePage(app, port, processes, (origin) => {
  env.ORIGIN = origin;
});
own?.process.once("exit", () => stop("Redis has exited, so the example stops."));
