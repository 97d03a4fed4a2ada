import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { follow } from "../../common/test/follow.ts";
import { runServer } from "../../common/test/run-server.ts";
import { until } from "../../common/test/until.ts";
import { redisBinary } from "../../../packages/redis/test/support/redis-server.ts";
import type { ServiceProcess } from "../app.ts";
import type { Machines } from "../events.ts";

export const hasRedis: boolean = redisBinary !== undefined;

export interface RunningExample {
  /** The URL of the page. */
  readonly url: string;
  readonly machines: () => Machines;
  readonly urlOf: (server: "a" | "b") => string;
  kill(name: ServiceProcess): Promise<void>;
  start(name: ServiceProcess): Promise<void>;
  /** Resolves with the number of deleted keys. */
  flush(): Promise<number>;
}

/** Runs the example with its own Redis until the test is finished. */
export async function runExample(): Promise<RunningExample> {
  const server = runServer(join(import.meta.dirname, "../start.ts"), { PORT: "0", REDIS_URL: "" });
  onTestFinished(async () => {
    server.kill("SIGTERM");
    expect(await server.exited()).toBe(0);
  });
  const url = await server.firstLine("stdout");
  let machines: Machines | undefined;
  void (async () => {
    for await (const { event, data } of follow(`${url}/machines`)) if (event === "machines") machines = data;
  })().catch(() => undefined);
  const isRunning = (name: ServiceProcess): boolean => machines?.[name].status === "running";
  await until(() => isRunning("a") && isRunning("b") && isRunning("worker"));

  const put = async (name: ServiceProcess, running: boolean): Promise<void> => {
    const response = await fetch(`${url}/machines/${name}`, {
      method: "PUT",
      body: JSON.stringify({ running }),
    });
    expect(response.status).toBe(204);
    await until(() => isRunning(name) === running);
  };
  return {
    url,
    machines: () => machines as Machines,
    urlOf: (name) => machines?.[name].url as string,
    kill: (name) => put(name, false),
    start: (name) => put(name, true),
    async flush() {
      const response = await fetch(`${url}/redis/keys`, { method: "DELETE" });
      return ((await response.json()) as { keys: number }).keys;
    },
  };
}
