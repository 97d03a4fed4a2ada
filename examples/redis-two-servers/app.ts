import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { sse } from "@holdfast/hono";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { bundleClient } from "../common/client-bundle.ts";
import type { Machines } from "./events.ts";

export interface AppOptions {
  readonly machines: () => Machines;
  /** Hears of each change. Returns how to stop. */
  readonly watch: (listener: () => void) => () => void;
  readonly start: (name: Switchable) => void;
  readonly kill: (name: Switchable) => Promise<void>;
  /** Deletes all that Redis holds; resolves with the number of keys. */
  readonly flush: () => Promise<number>;
}

const SWITCHABLE = ["a", "b", "worker"] as const;
export type Switchable = (typeof SWITCHABLE)[number];

/** The page, and the switches on it. It is no part of the service: it only kills processes, and starts them again. */
export function createApp({ machines, watch, start, kill, flush }: AppOptions): Hono {
  const client = bundleClient();
  const app = new Hono();

  app.get("/machines", (c) =>
    sse(c, ({ push }) => {
      const tell = (): void => push({ event: "machines", data: machines() });
      tell();
      return watch(tell);
    }),
  );

  // A PUT, like a DELETE, is nothing that a page of somebody else can send here.
  app.put("/machines/:name", async (c) => {
    const name = SWITCHABLE.find((known) => known === c.req.param("name"));
    if (name === undefined) throw new HTTPException(404, { message: "no such machine" });
    const { running } = await c.req.json<{ running?: unknown }>();
    if (running === true) start(name);
    else await kill(name);
    return c.body(null, 204);
  });

  app.delete("/redis/keys", async (c) => {
    if (!machines().redis.isOwn) throw new HTTPException(403, { message: "this Redis is not the example's" });
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
    return c.json({ error: "something went wrong here" }, 500);
  });
  return app;
}
