/*
 * A server in its own process, so that its memory can be measured alone. It runs the commands that its parent sends.
 */
import { getEventListeners, once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { promisify } from "node:util";
import { createRegistry, type Source } from "@holdfast/core";
import { sse as sseExpress } from "@holdfast/express";
import { sse as sseHono } from "@holdfast/hono";
import { sse as sseNode } from "@holdfast/node-http";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { aborted } from "../support/aborted.ts";
import { measureMemory, track } from "./memory-usage.ts";
import { BUFFER, dataOf, type Framework } from "./feed.ts";

let failures = 0;
/** Bare sources that have begun and not ended. */
let running = 0;
const registry = createRegistry({
  buffer: { bytes: BUFFER },
  // On a busy machine the test with the stalled client takes longer than the default.
  idleTimeout: 3_600_000,
  observer: { failed: () => void failures++ },
});
const feed = registry.channel("feed");
const job = await registry.open("job");
job.push({ data: "first" });

/** The source of a path: a bare source, or a stream that exists or not. */
function sourceOf(path: string): Source {
  if (path !== "/bare") return registry.stream(path.slice(1));
  return async function* ({ signal }) {
    running++;
    try {
      yield { data: "first" };
      await aborted(signal);
    } finally {
      running--;
    }
  };
}

const listeners: Record<Framework, () => RequestListener> = {
  "node-http": () => (req, res) => void sseNode(req, res, sourceOf(req.url ?? "")),
  express: () => express().get("/:source", (req, res) => sseExpress(req, res, sourceOf(req.path))),
  hono: () => getRequestListener(new Hono().get("/:source", (c) => sseHono(c, sourceOf(c.req.path))).fetch),
};

const server = createServer(listeners[process.argv[2] as Framework]());
server.on("connection", (socket: Socket) => track(socket));
server.on("request", (_req, res) => track(res));
const sockets = promisify(server.getConnections.bind(server));

/** How many listeners there are on objects that outlive a client. */
function listenerCount(): number {
  const emitters: NodeJS.EventEmitter[] = [process, server];
  const counts = emitters.flatMap((emitter) =>
    emitter.eventNames().map((name) => emitter.listenerCount(name)),
  );
  return counts.reduce((sum, count) => sum + count, getEventListeners(job.signal, "abort").length);
}

const commands = {
  /** Pushes `count` events to the feed; returns the sequence number of the last. */
  push(count: number): number {
    let last = registry.get("feed")?.last ?? 0;
    for (let pushed = 0; pushed < count; pushed++) feed.push({ data: dataOf(++last) });
    return last;
  },
  /** The sequence number of the oldest event that the feed retains. */
  oldest: () => registry.get("feed")?.first,
  /** What changes while clients are connected, and must be the same after they have disconnected. */
  async state() {
    const readers = job.readers + (registry.get("feed")?.readers ?? 0);
    return {
      ...registry.gauges(),
      readers,
      running,
      failures,
      listeners: listenerCount(),
      sockets: await sockets(),
    };
  },
  memory: measureMemory,
  /** Closes the registry; returns its gauges. */
  async close() {
    await registry.close();
    return registry.gauges();
  },
};

export type Commands = typeof commands;

process.on("disconnect", () => process.exit());
process.on("message", ({ name, argument }: { name: keyof Commands; argument: number }) => {
  void (async () => process.send?.(await commands[name](argument)))();
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
process.send?.((server.address() as AddressInfo).port);
