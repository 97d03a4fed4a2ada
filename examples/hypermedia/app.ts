import { createRegistry, type Registry, sse } from "@holdfast/hono";
import { Hono } from "hono";
import { assets } from "./assets.ts";
import { datastar } from "./datastar.ts";
import { htmx } from "./htmx.ts";
import { pageOf, startPage } from "./page.ts";
import { turbo } from "./turbo.ts";

const views = { htmx, turbo, datastar };

/** The lines of a build, as they come. */
export type Build = (signal: AbortSignal) => AsyncIterable<string>;

/** A page and a stream for each build, made for one of the libraries. */
export function createApp(build: Build): { readonly app: Hono; readonly builds: Registry } {
  const builds = createRegistry();
  const app = new Hono();

  app.get("/", (c) => c.html(startPage(Object.keys(views))));

  for (const [name, view] of Object.entries(views)) {
    app.post(`/${name}/builds`, async (c) => {
      const writer = await builds.open(crypto.randomUUID());
      void writer.pipe(async function* ({ signal }) {
        for await (const text of build(signal)) yield view.line(text);
      });
      return c.redirect(`/${name}/builds/${writer.id}`, 303);
    });

    app.get(`/${name}/builds/:id{[0-9a-f-]+}`, (c) => c.html(pageOf(name, view, c.req.param("id"))));

    app.get(`/${name}/builds/:id{[0-9a-f-]+}/events`, (c) => {
      const id = c.req.param("id");
      return sse(c, builds.stream(id), { control: view.control, key: id });
    });
  }

  for (const [path, read] of Object.entries(assets)) {
    const type = path.endsWith("js")
      ? "text/javascript"
      : path.endsWith("css")
        ? "text/css"
        : "image/svg+xml";
    app.get(path, async (c) => c.body(await read(), 200, { "content-type": type }));
  }

  return { app, builds };
}
