import { readFile } from "node:fs/promises";
import { createRegistry } from "@holdfast/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { redisStore } from "../src/index.ts";
import { ioredis } from "./support/clients.ts";
import { redisBinary, startRedis } from "./support/redis-server.ts";

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), "utf8");

describe.skipIf(redisBinary === undefined)("what the docs show", () => {
  test.for([
    ["redis", "../../../README.md"],
    ["redis", "../../../docs/more-than-one-machine.md"],
    ["ioredis", "../../../docs/more-than-one-machine.md"],
  ] as const)("of %s in %s runs, and another process reads what it tells", async ([library, document]) => {
    expect(await read(document)).toContain(`\`\`\`ts\n${await read(`set-up/${library}.ts`)}\`\`\``);

    const server = await startRedis();
    const { client, close } = await ioredis.connect(server.port);
    const elsewhere = createRegistry({ store: redisStore({ client }) });
    vi.stubEnv("REDIS_URL", `redis://127.0.0.1:${server.port}`);
    vi.resetModules();
    const { jobs } = (await import(`./set-up/${library}.ts`)) as typeof import("./set-up/redis.ts");
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await Promise.all([jobs.close({ deadline: 0 }), elsewhere.close({ deadline: 0 })]);
      close();
      vi.spyOn(console, "error").mockImplementation(() => undefined);
      await server.stop();
    });

    const job = await jobs.open("42");
    job.push({ data: "once" });
    await job.end();
    const messages = await Array.fromAsync(elsewhere.subscribe("42"));
    expect(messages).toEqual([{ id: `${job.epoch}.1`, event: "message", data: "once" }]);
  });
});
