import type { Server } from "node:net";
import { sse } from "@holdfast/hono";
import { createAdaptorServer } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { type Adapter, refusalOf } from "./adapter.ts";
import { listenHttp1 } from "./listen.ts";

export const hono: Adapter = {
  name: "hono on @hono/node-server",
  leavings: ["cut", "reset", "halfClose"],
  signalled: ["cut", "reset", "halfClose"],
  ownHeaders: ["connection", "date", "keep-alive", "transfer-encoding"],
  reuses: true,
  earlierHeaders: true,
  listen(handle, earlier) {
    const app = new Hono();
    app.use(async (c, next) => {
      for (const [name, value] of earlier) c.header(name, value, { append: true });
      await next();
    });
    const answer = async (c: Context): Promise<Response> => {
      const body = c.req.method === "POST" ? await c.req.text() : "";
      return (await handle({ body, sse: (source, options) => sse(c, source, options) })) as Response;
    };
    app.get("/", answer);
    app.post("/", answer);
    app.onError((error, c) => c.text(refusalOf(error), 500));
    return listenHttp1(createAdaptorServer({ fetch: app.fetch }) as Server);
  },
};
