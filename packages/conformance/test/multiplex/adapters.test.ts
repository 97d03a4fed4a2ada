import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { Server } from "node:net";
import { createRegistry, type Registry, toResponse } from "@holdfast/core";
import { multiplex } from "@holdfast/core/multiplex";
import { sse as sseExpress } from "@holdfast/express";
import { sse as sseHono } from "@holdfast/hono";
import { sse as sseNode } from "@holdfast/node-http";
import { listen } from "@holdfast/conformance";
import { createAdaptorServer } from "@hono/node-server";
import express5 from "express";
import express4 from "express-4";
import { Hono } from "hono";
import { describe, expect, onTestFinished, test } from "vitest";
import { multiplex as multiplexTests } from "../../src/adapter-suite/multiplex.ts";
import { createSuite } from "../../src/harness/suite.ts";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { sendHttp2 } from "../../src/wire/http2.ts";
import { onExpress4, onExpress5 } from "../adapters/express.ts";
import { hono } from "../adapters/hono.ts";
import { nodeH2c, nodeHttp1 } from "../adapters/node-http.ts";
import { onNode } from "../adapters/to-response.ts";

// The whole suite of most adapters runs in the matrix only.
for (const adapter of [nodeHttp1, nodeH2c, onExpress5, onExpress4, hono, onNode]) {
  describe(adapter.name ?? "", () => multiplexTests(createSuite(test, adapter)));
}

const members = (registry: Registry) => multiplex((member) => registry.channel(member));

type Serve = (registry: Registry) => Server;

const express =
  (create: typeof express5, ...parsers: ReturnType<typeof express5.json>[]): Serve =>
  (registry) => {
    const app = create();
    for (const parser of parsers) app.use(parser);
    app.post("/live", (req, res, next) => void sseExpress(req, res, members(registry)).catch(next));
    return createServer(app);
  };

const servers: Readonly<Record<string, Serve>> = {
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
    app.post("/live", (c) => sseHono(c, members(registry)));
    return createAdaptorServer(app) as Server;
  },
  toResponse: (registry) =>
    createAdaptorServer({ fetch: (request) => toResponse(request, members(registry)) }) as Server,
};

describe("a POST with more members than a URL holds", () => {
  test.each(Object.keys(servers))("%s", async (name) => {
    const registry = createRegistry();
    const server = servers[name]?.(registry) as Server;
    const { port, close } = await listen(server);
    onTestFinished(async () => {
      await registry.close({ deadline: 0 });
      await close();
    });
    const names = Array.from({ length: 256 }, (_, index) => `${"feed/ä ".repeat(10)}${index}`);
    const form = new URLSearchParams({ mux: "Zk3v9x0q2maZk3v9x0q2ma" });
    for (const member of names) form.append("on", member);
    const request = {
      method: "POST",
      path: "/live",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: form.toString(),
    };
    const client = name.includes("HTTP/2") ? sendHttp2("http", port, request) : sendHttp1(port, request);
    await client.answered();
    await client.until(`data: {"member":"${names.at(-1)}"}\n\n`);
    registry.channel(names[7] as string).push({ data: "hi" });
    await client.until("data: hi\n\n");
    expect([client.status, registry.gauges().connections]).toEqual([200, 1]);
    client.disconnect();
  });
});
