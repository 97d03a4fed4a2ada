import { createRegistry } from "@holdfast/core";
import { redisStore } from "@holdfast/redis";
import { Redis } from "ioredis";

const client = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", { socketTimeout: 10_000 });
client.on("error", (error) => console.error("Redis:", error));

export const jobs = createRegistry({ store: redisStore({ client }) });
