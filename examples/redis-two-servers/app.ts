import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { sse } from "@holdfast/hono";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { bundleClient } from "../common/client-bundle.ts";
import type { Machines } from "./events.ts";

export interface AppOptions {
  readonly machines: () => Machines;
  /** Calls the listener after each change. Returns a function that removes it. */
  readonly watch: (listener: () => void) => () => void;
  readonly start: (name: ServiceProcess) => void;
  readonly kill: (name: ServiceProcess) => Promise<void>;
  /** Deletes all keys of Redis. Resolves with their number. */
  readonly flush: () => Promise<number>;
}

const SERVICE_PROCESSES = ["a", "b", "worker"] as const;
export type ServiceProcess = (typeof SERVICE_PROCESSES)[number];

/** The page and its switches. It is not part of the service: it only kills and starts the processes of the service. */
export function createApp({ machines, watch, start, kill, flush }: AppOptions): Hono {
  const client = bundleClient();
  const app = new Hono();

  app.get("/machines", (c) =>
    sse(c, ({ push }) => {
      const send = (): void => push({ event: "machines", data: machines() });
      send();
      return watch(send);
    }),
  );

  // PUT and DELETE, because a page of another origin cannot send them without a preflight.
  app.put("/machines/:name", async (c) => {
    const name = SERVICE_PROCESSES.find((known) => known === c.req.param("name"));
    if (name === undefined) throw new HTTPException(404, { message: "there is no such process" });
    const { running } = await c.req.json<{ running?: unknown }>();
    if (running === true) start(name);
    else await kill(name);
    return c.body(null, 204);
  });

  app.delete("/redis/keys", async (c) => {
    if (!machines().redis.isOwn)
      throw new HTTPException(403, { message: "this Redis was not started by the example" });
    return c.json({ keys: await flush() });
  });

  app.get("/holdfast-client.js", async (c) =>
    c.body(await client, 200, { "content-type": "text/javascript; charset=utf-8" }),
  );
  app.use(serveStatic({ root: join(import.meta.dirname, "public") }));
  app.use(serveStatic({ root: join(import.meta.dirname, "../common/page") }));

  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    console.error(error);
    return c.json({ error: "internal server error" }, 500);
  });
  return app;
}
