import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { sse } from "@holdfast/hono";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { bundleClient } from "./client-bundle.ts";
import { Runner } from "./runner.ts";

/** The processes of an example, and what else its page shows of it. */
export class Machines<Name extends string> {
  readonly runners: Readonly<Record<Name, Runner>>;
  readonly #listeners = new Set<() => void>();

  /**
   * @param scripts by the name of the process
   * @param env of all processes, read whenever one starts
   */
  constructor(
    folder: string,
    scripts: Readonly<Record<Name, string>>,
    env: Readonly<Record<string, string>>,
  ) {
    const runners = Object.entries<string>(scripts).map(
      ([name, script]) => [name, new Runner(join(folder, script), env, () => this.changed())] as const,
    );
    this.runners = Object.fromEntries(runners) as Record<Name, Runner>;
  }

  /** Calls the listener after each change. Returns a function that removes it. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells the page that something has changed. */
  changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/**
 * The page of an example and its switches. It is not part of the service: it only kills and starts the processes of the service.
 *
 * @param folder of the example; its page is in `public`
 * @param state what the page shows, as the event `machines`
 */
export function createSwitches(folder: string, machines: Machines<string>, state: () => object): Hono {
  const client = bundleClient();
  const app = new Hono();

  app.get("/machines", (c) =>
    sse(c, ({ push }) => {
      const send = (): void => push({ event: "machines", data: state() });
      send();
      return machines.watch(send);
    }),
  );

  // PUT, because a page of another origin cannot send it without a preflight.
  app.put("/machines/:name", async (c) => {
    const { runners } = machines;
    const name = c.req.param("name");
    const runner = Object.hasOwn(runners, name) ? runners[name] : undefined;
    if (runner === undefined) throw new HTTPException(404, { message: "there is no such process" });
    const { running } = await c.req.json<{ running?: unknown }>();
    if (running === true) runner.start();
    else await runner.kill();
    return c.body(null, 204);
  });

  app.get("/holdfast-client.js", async (c) =>
    c.body(await client, 200, { "content-type": "text/javascript; charset=utf-8" }),
  );
  // The scripts of the page import `../../common/page/…`, which is where it is in the repository, too.
  app.use("/common/page/*", serveStatic({ root: join(import.meta.dirname, "..") }));
  app.use(serveStatic({ root: join(folder, "public") }));
  app.use(serveStatic({ root: join(import.meta.dirname, "page") }));

  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    console.error(error);
    return c.json({ error: "internal server error" }, 500);
  });
  return app;
}
