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

const LOCALHOST = { hostname: "127.0.0.1", silent: true } as const;

interface RunningServer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts the countdowns in a framework, on a port. */
export const servers = {
  "route-handler": (port: number) => ready(srvx.serve({ ...LOCALHOST, port, fetch: route })),
  h3: (port: number) => ready(h3.serve(h3App, { ...LOCALHOST, port })),
  koa: async (port: number): Promise<RunningServer> => {
    const server: Server = koaApp.listen(port, LOCALHOST.hostname);
    await once(server, "listening");
    const url = `http://${LOCALHOST.hostname}:${(server.address() as AddressInfo).port}`;
    const close = async (): Promise<void> => {
      server.close();
      await once(server, "close");
    };
    return { url, close };
  },
  nestjs: async (port: number): Promise<RunningServer> => {
    const app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(port, LOCALHOST.hostname);
    return { url: await app.getUrl(), close: () => app.close() };
  },
} as const;

async function ready(server: srvx.Server): Promise<RunningServer> {
  await server.ready();
  return { url: server.url ?? "", close: () => server.close() };
}

/** Calls the handler as Next.js does. */
function route(request: Request): Response | Promise<Response> {
  const [, name] = /^\/countdowns\/([^/]+)$/.exec(new URL(request.url).pathname) ?? [];
  if (name === undefined) return new Response("Not found.", { status: 404 });
  return GET(request, { params: Promise.resolve({ name: decodeURIComponent(name) }) });
}
