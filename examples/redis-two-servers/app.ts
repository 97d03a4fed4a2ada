import type { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { createSwitches, type Machines as Processes } from "../common/machine-switches.ts";
import type { Machines } from "./events.ts";

export interface AppOptions {
  readonly processes: Processes<ServiceProcess>;
  readonly machines: () => Machines;
  /** Deletes all keys of Redis. Resolves with their number. */
  readonly flush: () => Promise<number>;
}

export type ServiceProcess = "a" | "b" | "worker";

/** The page and its switches. */
export function createApp({ processes, machines, flush }: AppOptions): Hono {
  const app = createSwitches(import.meta.dirname, processes, machines);
  // DELETE, because a page of another origin cannot send it without a preflight.
  app.delete("/redis/keys", async (c) => {
    if (!machines().redis.isOwn)
      throw new HTTPException(403, { message: "this Redis was not started by the example" });
    return c.json({ keys: await flush() });
  });
  return app;
}
