import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { AdapterUnderTest, Listening } from "@holdfast/conformance";
import { toResponse } from "@holdfast/core";
import * as h3 from "h3";
import Koa from "koa";
import * as srvx from "srvx";
import { sse as h3Sse } from "../h3.ts";
import { sse as koaSse } from "../koa.ts";

type Start = AdapterUnderTest["start"];

const SERVER_OPTIONS = { hostname: "127.0.0.1", port: 0, silent: true, gracefulShutdown: false } as const;

/** Serves a function from `Request` to `Response`, as Next.js calls it. */
export const startRouteHandler: Start = (answer) => {
  const handle = async (request: Request): Promise<Response> => {
    const response = await answer({
      url: request.url,
      body: await request.text(),
      sse: (source, options) => toResponse(request, source, options),
    });
    return response as Response;
  };
  return listening(srvx.serve({ ...SERVER_OPTIONS, fetch: handle }));
};

export const startH3: Start = (answer) => {
  const app = new h3.H3({ silent: true });
  app.all("/**", async (event) =>
    answer({
      url: event.req.url,
      body: await event.req.text(),
      setHeader(name, value) {
        // As `handleCors` of h3 does: responses from status 400 on have only the `errHeaders`.
        event.res.headers.append(name, value);
        event.res.errHeaders.append(name, value);
      },
      sse: (source, options) => h3Sse(event, source, options),
    }),
  );
  return listening(h3.serve(app, SERVER_OPTIONS));
};

export const startKoa: Start = async (answer) => {
  const app = new Koa();
  app.silent = true;
  app.use(async (ctx) => {
    await answer({
      url: ctx.url,
      body: await text(ctx.req),
      setHeader: (name, value) => ctx.append(name, value),
      sse: (source, options) => koaSse(ctx, source, options),
    });
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    server.close();
    await once(server, "close");
  };
  return { port: (server.address() as AddressInfo).port, close };
};

async function listening(server: srvx.Server): Promise<Listening> {
  await server.ready();
  return { port: Number(new URL(server.url ?? "").port), close: () => server.close() };
}
