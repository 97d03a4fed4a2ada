import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { AdapterUnderTest, Answer, Listening } from "@holdfast/conformance";
import { toResponse } from "@holdfast/core";
import * as h3 from "h3";
import Koa from "koa";
import * as srvx from "srvx";
import { sse } from "../koa.ts";

type Start = AdapterUnderTest["start"];

const QUIETLY = { hostname: "127.0.0.1", port: 0, silent: true, gracefulShutdown: false } as const;

/** A function from `Request` to `Response`, and a server that calls it as Next.js does. */
export const startRouteHandler: Start = (answer) =>
  listening(srvx.serve({ ...QUIETLY, fetch: (request) => respond(answer, request) }));

export const startH3: Start = (answer) => {
  const app = new h3.H3({ silent: true });
  app.all("/**", (event) =>
    respond(answer, event.req, (name, value) => event.res.headers.append(name, value)),
  );
  return listening(h3.serve(app, QUIETLY));
};

export const startKoa: Start = async (answer) => {
  const app = new Koa();
  app.silent = true;
  app.use(async (ctx) => {
    await answer({
      url: ctx.url,
      body: await text(ctx.req),
      setHeader: (name, value) => ctx.append(name, value),
      sse: (source, options) => sse(ctx, source, options),
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

async function respond(
  answer: Answer,
  request: Request,
  setHeader?: (name: string, value: string) => void,
): Promise<Response> {
  const exchange = {
    url: request.url,
    body: await request.text(),
    ...(setHeader !== undefined && { setHeader }),
    sse: toResponse.bind(undefined, request),
  };
  return (await answer(exchange)) as Response;
}

async function listening(server: srvx.Server): Promise<Listening> {
  await server.ready();
  return { port: Number(new URL(server.url ?? "").port), close: () => server.close() };
}
