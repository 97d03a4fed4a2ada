import { createServer } from "node:http";
import type { Server, Socket } from "node:net";
import { listen } from "@holdfast/conformance";
import type { Registry } from "@holdfast/core";
import { sse as serveHono } from "@holdfast/hono";
import { sse as serveNode } from "@holdfast/node-http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { onTestFinished } from "vitest";

/** A service that answers `/<id>` with the stream of that id. */
export interface Service {
  readonly name: string;
  readonly create: (registry: Registry) => Server;
}

export const nodeHttp: Service = {
  name: "node-http",
  create: (registry) =>
    createServer((req, res) => void serveNode(req, res, registry.stream((req.url ?? "").slice(1)))),
};

const hono: Service = {
  name: "hono",
  create(registry) {
    const app = new Hono();
    app.get("/:id", (c) => serveHono(c, registry.stream(c.req.param("id"))));
    return createAdaptorServer({ fetch: app.fetch }) as Server;
  },
};

export const services: readonly Service[] = [nodeHttp, hono];

export interface RunningService {
  readonly port: number;
  /** The connections of the proxy. */
  readonly sockets: ReadonlySet<Socket>;
}

/** Runs a server until the test is finished. */
export async function runService(server: Server): Promise<RunningService> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const { port, close } = await listen(server);
  onTestFinished(close);
  return { port, sockets };
}
