import { readFile } from "node:fs/promises";
import { createRegistry } from "@holdfast/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type RedisStoreOptions, redisStore } from "../src/index.ts";
import { ioredis } from "./support/clients.ts";
import { redisBinary, startRedis } from "./support/redis-server.ts";

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), "utf8");

/** Runs the set-up of the docs. Returns its registry, and how to close its client, which a service never does. */
async function runSetUp(library: "redis" | "ioredis") {
  let client: { destroy?(): void; disconnect?(): void } = {};
  vi.resetModules();
  vi.doMock("@holdfast/redis", () => ({
    redisStore(options: RedisStoreOptions) {
      client = options.client as typeof client;
      return redisStore(options);
    },
  }));
  const { jobs } = (await import(`./set-up/${library}.ts`)) as typeof import("./set-up/redis.ts");
  return { jobs, end: () => (library === "redis" ? client.destroy?.() : client.disconnect?.()) };
}

describe.skipIf(redisBinary === undefined)("the set-up in the docs", () => {
  test.for([
    ["redis", "../README.md"],
    ["redis", "../../../docs/more-than-one-machine.md"],
    ["ioredis", "../../../docs/more-than-one-machine.md"],
  ] as const)("for %s in %s runs, and another registry reads what it pushes", async ([library, document]) => {
    expect(await read(document)).toContain(`\`\`\`ts\n${await read(`set-up/${library}.ts`)}\`\`\``);

    const server = await startRedis();
    vi.stubEnv("REDIS_URL", `redis://127.0.0.1:${server.port}`);
    const { client, close } = await ioredis.connect(server.port);
    const elsewhere = createRegistry({ store: redisStore({ client }) });
    const { jobs, end } = await runSetUp(library);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await Promise.all([jobs.close({ deadline: 0 }), elsewhere.close({ deadline: 0 })]);
      close();
      end();
      await server.stop();
    });

    const job = await jobs.open("42");
    job.push({ data: "once" });
    await job.end();
    const messages = await Array.fromAsync(elsewhere.subscribe("42"));
    expect(messages).toEqual([{ id: `${job.epoch}.1`, event: "message", data: "once" }]);
  });
});
