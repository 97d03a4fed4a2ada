import { createClient } from "redis";

export type Redis = ReturnType<typeof createRedis>;

/** The service's own client. It notices a Redis that is gone without a word, and never stops to come back. */
export function createRedis(url: string) {
  const client = createClient({
    url,
    pingInterval: 4_000,
    socket: { socketTimeout: 10_000, reconnectStrategy: (attempt) => Math.min(100 * 2 ** attempt, 2_000) },
  });
  client.on("error", (error: unknown) => console.error("Redis:", error));
  return client;
}
