import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { NestFactory } from "@nestjs/core";
import * as h3 from "h3";
import * as srvx from "srvx";
import { app as h3App } from "./h3.ts";
import { app as koaApp } from "./koa.ts";
import { AppModule } from "./nestjs.ts";
import { GET } from "./route-handler.ts";

const LOCAL = { hostname: "127.0.0.1", silent: true } as const;

interface Running {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** The countdowns in each framework, listening on a port. */
export const servers = {
  "route-handler": (port: number) => ready(srvx.serve({ ...LOCAL, port, fetch: route })),
  h3: (port: number) => ready(h3.serve(h3App, { ...LOCAL, port })),
  koa: async (port: number): Promise<Running> => {
    const server: Server = koaApp.listen(port, LOCAL.hostname);
    await once(server, "listening");
    const url = `http://${LOCAL.hostname}:${(server.address() as AddressInfo).port}`;
    const close = async (): Promise<void> => {
      server.close();
      await once(server, "close");
    };
    return { url, close };
  },
  nestjs: async (port: number): Promise<Running> => {
    const app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(port, LOCAL.hostname);
    return { url: await app.getUrl(), close: () => app.close() };
  },
} as const;

async function ready(server: srvx.Server): Promise<Running> {
  await server.ready();
  return { url: server.url ?? "", close: () => server.close() };
}

/** Calls the handler as Next.js does. */
function route(request: Request): Response | Promise<Response> {
  const [, name] = /^\/countdowns\/([^/]+)$/.exec(new URL(request.url).pathname) ?? [];
  if (name === undefined) return new Response("Not here.", { status: 404 });
  return GET(request, { params: Promise.resolve({ name: decodeURIComponent(name) }) });
}
