import { createClient } from "redis";

export type Redis = ReturnType<typeof createRedis>;

/** The client of the service. It detects a Redis that disappears without closing, and always keeps reconnecting. */
export function createRedis(url: string) {
  const client = createClient({
    url,
    pingInterval: 4_000,
    socket: { socketTimeout: 10_000, reconnectStrategy: (attempt) => Math.min(100 * 2 ** attempt, 2_000) },
  });
  client.on("error", (error: unknown) => console.error("Redis:", error));
  return client;
}
