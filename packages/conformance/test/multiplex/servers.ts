import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { Server } from "node:net";
import { type Registry, toResponse } from "@holdfast/core";
import { multiplex } from "@holdfast/core/multiplex";
import { sse as sseExpress } from "@holdfast/express";
import { sse as sseHono } from "@holdfast/hono";
import { sse as sseNode } from "@holdfast/node-http";
import { createAdaptorServer } from "@hono/node-server";
import express5 from "express";
import express4 from "express-4";
import { Hono } from "hono";

const members = (registry: Registry) =>
  multiplex((member) => (member.startsWith("jobs/") ? registry.stream(member) : registry.channel(member)));

/** Creates a server whose `/live` serves the streams or channels of a registry. */
export type Serve = (registry: Registry) => Server;

const express =
  (create: typeof express5, ...parsers: ReturnType<typeof express5.json>[]): Serve =>
  (registry) => {
    const app = create();
    for (const parser of parsers) app.use(parser);
    app.all("/live", (req, res, next) => void sseExpress(req, res, members(registry)).catch(next));
    return createServer(app);
  };

export const servers: Readonly<Record<string, Serve>> = {
  "node-http": (registry) =>
    createServer(
      (req, res) => void sseNode(req, res, members(registry)).catch(() => res.writeHead(500).end()),
    ),
  "node-http on HTTP/2": (registry) =>
    createHttp2Server(
      (req, res) => void sseNode(req, res, members(registry)).catch(() => res.stream.close()),
    ),
  "express 5": express(express5),
  "express 5 with parsers": express(express5, express5.json(), express5.urlencoded({ extended: true })),
  "express 5 with the simple parser": express(express5, express5.urlencoded({ extended: false })),
  "express 4": express(express4 as typeof express5),
  "express 4 with a parser of another type": express(express4 as typeof express5, express4.json()),
  "express 4 with parsers": express(express4 as typeof express5, express4.urlencoded({ extended: true })),
  hono: (registry) => {
    const app = new Hono();
    app.all("/live", (c) => sseHono(c, members(registry)));
    return createAdaptorServer(app) as Server;
  },
  toResponse: (registry) =>
    createAdaptorServer({ fetch: (request) => toResponse(request, members(registry)) }) as Server,
};
