import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { type RunningServer, runServer } from "../../common/test/run-server.ts";
import {
  freePort,
  redisBinary,
  type RedisServer,
  startRedis,
} from "../../../packages/redis/test/support/redis-server.ts";

export const hasRedis: boolean = redisBinary !== undefined;

export interface RunningExample {
  readonly url: string;
  readonly redis: RedisServer;
  /** Stops it with SIGTERM, waits until it has exited, and starts it again on the same port. */
  restart(): Promise<void>;
  /** Orders a report; resolves to its id. */
  order(topic: string): Promise<string>;
  /** Presses a button of the page. */
  cause(id: string, fault: "kill" | "fail"): Promise<void>;
}

/** Runs the example with a Redis of the test until the test is finished. */
export async function runExample(): Promise<RunningExample> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const env = { PORT: String(await freePort()), REDIS_URL: `redis://127.0.0.1:${redis.port}` };
  let server: RunningServer;

  async function stop(): Promise<void> {
    server.kill("SIGTERM");
    expect(await server.exited()).toBe(0);
  }

  function start(): Promise<string> {
    server = runServer(join(import.meta.dirname, "../start.ts"), env);
    // Before it is killed.
    onTestFinished(stop);
    return server.firstLine("stdout");
  }

  const url = await start();

  const post = async (path: string, body: object): Promise<Response> => {
    const response = await fetch(url + path, { method: "POST", body: JSON.stringify(body) });
    expect(response.ok).toBe(true);
    return response;
  };
  return {
    url,
    redis,
    async restart() {
      await stop();
      expect(await start()).toBe(url);
    },
    async order(topic) {
      const { id } = (await (await post("/reports", { topic })).json()) as { id: string };
      return id;
    },
    async cause(id, fault) {
      await post(`/reports/${id}/faults`, { fault });
    },
  };
}
