import { createServer, type RequestListener } from "node:http";
import { sse as sseExpress } from "@holdfast/express";
import { createRegistry, type Registry, type ServeOptions, toResponse } from "@holdfast/core";
import { sse } from "@holdfast/node-http";
import { sse as sseHono } from "@holdfast/hono";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

const refusing = (listener: (...args: Parameters<RequestListener>) => unknown): Peer => ({
  async start() {
    const server = createServer((req, res) => void listener(req, res));
    return { port: await listen(server), publish: () => undefined };
  },
});

/** What one user is refused who has all the connections that a key may have. */
const options = { key: "mallory" };
const refuse: ServeOptions = { ...options, overload: "refuse" };

/** One client takes the only place of the key, and stays. */
async function createFullRegistry(): Promise<Registry> {
  const registry = createRegistry({ maxConnectionsPerKey: 1, maxDuration: Infinity, idleTimeout: Infinity });
  await registry.open("a");
  await toResponse(new Request("http://localhost/"), registry.stream("a"), options);
  return registry;
}

/** The reference: the shortest answer that a server gives. */
export const plain: Peer = refusing((_req, res) => res.end("ok"));

/** As many headers as the answer to a refused client has. */
const HEADERS = {
  "content-type": "text/plain",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

export const plainWithHeaders: Peer = refusing((_req, res) =>
  res.writeHead(200, { ...HEADERS, "content-length": "2" }).end("ok"),
);

export async function drained(): Promise<Peer> {
  const registry = await createFullRegistry();
  return refusing((req, res) => sse(req, res, registry.stream("a"), options));
}

export async function refused(): Promise<Peer> {
  const registry = await createFullRegistry();
  return refusing((req, res) => sse(req, res, registry.stream("a"), refuse));
}

/** The reference of Hono: its shortest answer. */
export const plainHono: Peer = refusing(getRequestListener(new Hono().get("*", (c) => c.text("ok")).fetch));

export const plainHonoWithHeaders: Peer = refusing(
  getRequestListener(new Hono().get("*", (c) => c.body("ok", 200, HEADERS)).fetch),
);

export async function drainedHono(): Promise<Peer> {
  const registry = await createFullRegistry();
  const app = new Hono().get("*", (c) => sseHono(c, registry.stream("a"), options));
  return refusing(getRequestListener(app.fetch));
}

/** The reference of Express. */
export const plainExpress: Peer = refusing(express().get("/", (_req, res) => void res.send("ok")));

export async function drainedExpress(): Promise<Peer> {
  const registry = await createFullRegistry();
  return refusing(express().get("/", (req, res) => sseExpress(req, res, registry.stream("a"), options)));
}
