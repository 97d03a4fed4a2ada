import type { Server } from "node:net";
import { type AdapterUnderTest, listen } from "@holdfast/conformance";
import { sse } from "@holdfast/hono";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";

export const hono: AdapterUnderTest = {
  name: "hono",
  start(answer) {
    const app = new Hono();
    app.all("*", async (c) => {
      const response = await answer({
        url: c.req.url,
        body: await c.req.text(),
        setHeader: (name, value) => c.header(name, value, { append: true }),
        sse: (source, options) => sse(c, source, options),
      });
      return response as Response;
    });
    // The default handler would log the errors of the tests.
    app.onError((_error, c) => c.body(null, 500));
    return listen(createAdaptorServer({ fetch: app.fetch }) as Server);
  },
};
