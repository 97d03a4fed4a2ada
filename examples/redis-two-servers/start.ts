import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { createApp } from "./app.ts";
import type { Machines } from "./events.ts";
import { startRedis } from "../common/own-redis.ts";
import { createRedis } from "./redis.ts";
import { Runner } from "./runner.ts";

const hostname = "127.0.0.1";
const port = Number(process.env.PORT ?? 3000);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  stop(`PORT must be a number from 0 to 65535, not ${process.env.PORT}.`);
}

const own = process.env.REDIS_URL
  ? undefined
  : await startRedis().catch((error: Error) => stop(error.message));
const url = own?.url ?? (process.env.REDIS_URL as string);
const client = createRedis(url);
await client.connect();

const listeners = new Set<() => void>();
const env = { REDIS_URL: url, ORIGIN: "" };
const run = (script: string): Runner =>
  new Runner(join(import.meta.dirname, script), env, () => {
    for (const listener of listeners) listener();
  });
const runners = { a: run("web.ts"), b: run("web.ts"), worker: run("worker.ts") };

function machines(): Machines {
  const { a, b, worker } = runners;
  const redis = { status: "running", pid: own?.process.pid, url, isOwn: own !== undefined } as const;
  return { a: a.state, b: b.state, worker: worker.state, redis };
}

const app = createApp({
  machines,
  watch(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  start: (name) => runners[name].start(),
  kill: (name) => runners[name].kill(),
  async flush() {
    const keys = await client.dbSize();
    await client.flushAll();
    return keys;
  },
});

const server = serve({ fetch: app.fetch, hostname, port }, (address) => {
  env.ORIGIN = `http://${hostname}:${(address as AddressInfo).port}`;
  for (const runner of Object.values(runners)) runner.start();
  console.log(env.ORIGIN);
});

server.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EADDRINUSE") throw error;
  stop(`Port ${port} is in use. Try another one: PORT=${port + 1}`);
});
own?.process.once("exit", () => stop("Redis has exited, so the example stops."));

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    for (const runner of Object.values(runners)) void runner.kill();
    process.exit();
  });
}

function stop(message: string): never {
  console.error(message);
  process.exit(1);
}
