import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runServer } from "../../common/test/run-server.ts";
import { startRedis } from "../../../packages/redis/test/support/redis-server.ts";
import { hasRedis } from "./run-example.ts";

const script = join(import.meta.dirname, "../start.ts");

test("without redis-server, one line says what to do", async () => {
  const server = runServer(script, { PORT: "0", REDIS_URL: "", PATH: "/nowhere" });
  expect(await server.firstLine("stderr")).toBe(
    "redis-server is not installed. Install it (apt install redis-server, brew install redis), or use your own: REDIS_URL=redis://host:6379",
  );
  expect(await server.exited()).toBe(1);
});

test("an invalid port ends the example with a message", async () => {
  const server = runServer(script, { PORT: "http" });
  expect(await server.firstLine("stderr")).toBe("PORT must be a number from 0 to 65535, not http.");
  expect(await server.exited()).toBe(1);
});

test.skipIf(!hasRedis)("a Redis that the example did not start is never flushed", async () => {
  const redis = await startRedis();
  const server = runServer(script, { PORT: "0", REDIS_URL: `redis://127.0.0.1:${redis.port}` });
  onTestFinished(async () => {
    server.kill("SIGTERM");
    expect(await server.exited()).toBe(0);
    await redis.stop();
  });
  const url = await server.firstLine("stdout");
  const response = await fetch(`${url}/redis/keys`, { method: "DELETE" });
  expect(response.status).toBe(403);
  expect(await response.json()).toEqual({ error: "this Redis was not started by the example" });
});
