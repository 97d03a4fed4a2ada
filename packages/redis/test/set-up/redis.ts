import { createRegistry } from "@holdfast/core"; // or from your adapter, which exports it too
import { redisStore } from "@holdfast/redis";
import { createClient } from "redis";

const client = createClient({
  url: process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379",
  pingInterval: 4_000,
  socket: { socketTimeout: 10_000, reconnectStrategy: (attempt) => Math.min(100 * 2 ** attempt, 2_000) },
});
client.on("error", (error) => console.error("Redis:", error));
await client.connect();

export const jobs = createRegistry({ store: redisStore({ client }) });
