import { createRegistry, type Registry } from "@holdfast/hono";
import { redisStore } from "@holdfast/redis";
import type { JobEvents } from "./events.ts";
import type { Redis } from "./redis.ts";

/** The registry, configured equally in every process, whether it produces jobs or serves them. */
export function createJobs(client: Redis): Registry<JobEvents> {
  return createRegistry<JobEvents>({
    store: redisStore({ client, prefix: "holdfast-example:" }),
    // A page that is reloaded later still finds its job.
    linger: 600_000,
  });
}
