import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { Server } from "node:net";
import { HoldfastError, toResponse } from "@holdfast/core";
import { sse as sseExpress } from "@holdfast/express";
import { sse as sseFastify } from "@holdfast/fastify";
import { sse as sseHono } from "@holdfast/hono";
import { type NodeRequest, type NodeResponse, sse as sseNode } from "@holdfast/node-http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import { fastify, type FastifyInstance } from "fastify";
import { Hono } from "hono";
import type { Route } from "./route.ts";

/** Reports that an adapter rejected, which it must not do for anything that a client sends. */
type Report = (error: unknown) => void;

/** Creates a server that serves the routes, and does not listen yet. */
type CreateServer = (route: Route, report: Report) => Server | Promise<Server>;

const nodeHandler =
  (route: Route, report: Report) =>
  (req: NodeRequest, res: NodeResponse): void => {
    const served = route(req.url ?? "");
    if (served === undefined) {
      res.statusCode = 404;
      res.end();
    } else sseNode(req, res, served.source, served.options).catch(report);
  };

function expressApp(route: Route, report: Report): express.Express {
  const app = express();
  app.use((req, res, next) => {
    const served = route(req.url);
    if (served === undefined) next();
    else sseExpress(req, res, served.source, served.options).catch(report);
  });
  return app;
}

async function fastifyServer(app: FastifyInstance, route: Route, report: Report): Promise<Server> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.all("/*", async (request, reply) => {
    const served = route(request.url);
    if (served === undefined) return reply.code(404).send();
    return sseFastify(request, reply, served.source, served.options).catch(report);
  });
  await app.ready();
  return app.server;
}

function honoApp(route: Route, report: Report): Hono {
  const app = new Hono();
  app.all("*", (c) => {
    const served = route(c.req.url.replace(/^https?:\/\/[^/]*/, ""));
    if (served === undefined) return c.notFound();
    return sseHono(c, served.source, served.options).catch((error: unknown) => {
      report(error);
      return c.body(null, 500);
    });
  });
  return app;
}

async function respond(request: Request, route: Route, report: Report): Promise<Response> {
  const served = route(request.url.replace(/^https?:\/\/[^/]*/, ""));
  if (served === undefined) return new Response(null, { status: 404 });
  try {
    return await toResponse(request, served.source, served.options);
  } catch (error) {
    report(error);
    return new Response(null, { status: 500 });
  }
}

/** The server of Hono logs responses that clients left or that holdfast has cut, which is no problem. */
function checkLogOfHono(report: Report): void {
  console.info = () => undefined;
  console.error = (error: unknown) => {
    if (!(HoldfastError.is(error) && error.code === "ABORTED")) report(error);
  };
}

function honoServer(
  fetch: (request: Request) => Response | Promise<Response>,
  report: Report,
  options = {},
): Server {
  checkLogOfHono(report);
  return createAdaptorServer({ fetch, ...options }) as Server;
}

const h2c = { createServer: createHttp2Server };

export const adapters = {
  "node-http": (route, report) => createHttp1Server(nodeHandler(route, report)),
  "node-http h2c": (route, report) => createHttp2Server(nodeHandler(route, report)),
  express: (route, report) => createHttp1Server(expressApp(route, report)),
  fastify: (route, report) => fastifyServer(fastify(), route, report),
  // Only the types of the raw request and response differ, and they are not used here.
  "fastify h2c": (route, report) =>
    fastifyServer(fastify({ http2: true }) as unknown as FastifyInstance, route, report),
  hono: (route, report) => honoServer(honoApp(route, report).fetch, report),
  "hono h2c": (route, report) => honoServer(honoApp(route, report).fetch, report, h2c),
  toResponse: (route, report) => honoServer((request) => respond(request, route, report), report),
} satisfies Record<string, CreateServer>;

export type AdapterName = keyof typeof adapters;
