import { once } from "node:events";
import { createServer, request } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { connect, type Server } from "node:net";
import { type Source, toResponse } from "@holdfast/core";
import { multiplex } from "@holdfast/core/multiplex";
import { sse as sseExpress } from "@holdfast/express";
import { gzip } from "@holdfast/gzip";
import { sse as sseHono } from "@holdfast/hono";
import { sse as sseNode } from "@holdfast/node-http";
import { createAdaptorServer } from "@hono/node-server";
import corsOfExpress from "cors";
import express from "express";
import { Hono } from "hono";
import { describe, expect, onTestFinished, test } from "vitest";
import { listen } from "@holdfast/conformance";
import type { Client } from "../../src/wire/client.ts";
import { eventsOf, framesOf } from "../../src/wire/frames.ts";
import { testRegistry } from "../support/test-registry.ts";
import { getEncoded, getEncodedHttp2 } from "./encoded-client.ts";

// Covers packages/gzip/src, and `compression` in the adapters.

const options = { compression: gzip };

/** Servers behind middleware that sets `vary: Origin`. */
const servers: Readonly<Record<string, (source: Source) => Server>> = {
  "node-http": (source) =>
    createServer((req, res) => void sseNode(req, res.setHeader("vary", "Origin"), source, options)),
  express: (source) => {
    const app = express();
    app.use(corsOfExpress({ origin: ["https://one.example", "https://two.example"] }));
    app.get("/", (req, res) => sseExpress(req, res, source, options));
    return createServer(app);
  },
  hono: (source) => {
    const app = new Hono();
    app.use((c, next) => (c.header("vary", "Origin"), next()));
    app.get("/", (c) => sseHono(c, source, options));
    return createAdaptorServer(app) as Server;
  },
  toResponse: (source) =>
    createAdaptorServer({ fetch: (incoming) => toResponse(incoming, source, options) }) as Server,
};

async function start(server: Server): Promise<number> {
  const { port, close } = await listen(server);
  onTestFinished(close);
  return port;
}

async function get(port: number, encoding?: string, open = getEncoded): Promise<Client> {
  const client = await open(port, encoding);
  onTestFinished(() => client.cut());
  return client;
}

describe.each(Object.entries(servers))("a compressed stream of %s", (name, serve) => {
  test("reaches each client event by event, in its own encoding", async () => {
    const { registry } = testRegistry({ heartbeat: 50 });
    const job = await registry.open("job");
    const port = await start(serve(job));
    const clients = await Promise.all(
      ["gzip", "br, GZIP;q=0.5", "br", "gzip;q=0", undefined].map((encoding) => get(port, encoding)),
    );
    const encodings = clients.map(({ headers }) => headers["content-encoding"]);
    expect(encodings).toEqual(["gzip", "gzip", undefined, undefined, undefined]);
    for (const { headers } of clients) {
      expect(headers["vary"]).toBe(name === "toResponse" ? "accept-encoding" : "Origin, accept-encoding");
    }
    for (let index = 0; index < 30; index++) {
      job.push({ data: `token ${index}` });
      if (index % 10 === 0)
        await Promise.all(clients.map((client) => client.until(`data: token ${index}\n\n`)));
      if (index === 20) await Promise.all(clients.map((client) => client.until(":\n\n")));
    }
    await job.end();
    for (const client of clients) {
      expect(await client.finished()).toBe("ended");
      const data = eventsOf(client.text).map((event) => event.data);
      expect(data).toEqual(Array.from({ length: 30 }, (_, index) => `token ${index}`));
    }
  });

  test("is cut when it is interrupted", async () => {
    const { registry } = testRegistry({ control: false });
    const job = await registry.open("job");
    const client = await get(await start(serve(job)), "gzip");
    job.push({ data: "half" });
    await client.until("data: half\n\n");
    await registry.close();
    expect(await client.finished()).toBe("cut");
  });
});

test("HTTP/2 takes a compressed stream", async () => {
  const { registry } = testRegistry({ compression: gzip });
  const job = await registry.open("job");
  const port = await start(createHttp2Server((req, res) => void sseNode(req, res, job)));
  const client = await get(port, "gzip", getEncodedHttp2);
  job.push({ data: "one" });
  await client.until("data: one\n\n");
  await job.end();
  expect(await client.finished()).toBe("ended");
  expect(client.headers["content-encoding"]).toBe("gzip");
});

test("HTTP/1.0 gets it as it is", async () => {
  const { registry } = testRegistry({ compression: gzip });
  const job = await registry.open("job");
  job.push({ data: "plain" });
  await job.end();
  const socket = connect(await start(createServer((req, res) => void sseNode(req, res, job))), "127.0.0.1");
  socket.write("GET / HTTP/1.0\r\naccept-encoding: gzip\r\n\r\n");
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString()));
  await once(socket, "close");
  expect(text).toContain("data: plain\n\n");
  expect(text).not.toContain("content-encoding");
});

test("HEAD, 204 and refusals have no body that is compressed", async () => {
  const { registry } = testRegistry({ compression: gzip, maxConnections: 1, overload: "refuse" });
  const job = await registry.open("job");
  const port = await start(createServer((req, res) => void sseNode(req, res, job)));
  const ask = async (method: string, headers: Record<string, string>) => {
    const [response] = await once(
      request({ port, method, agent: false, headers: { "accept-encoding": "gzip", ...headers } }).end(),
      "response",
    );
    response.resume();
    await once(response, "end");
    return [response.statusCode, response.headers["content-encoding"]];
  };
  expect(await ask("HEAD", {})).toEqual([200, undefined]);
  const client = await get(port, "gzip");
  expect(await ask("GET", {})).toEqual([503, undefined]);
  await job.end();
  expect(await client.finished()).toBe("ended");
  const last = framesOf(client.text).at(-1)?.id ?? "";
  expect(await ask("GET", { "last-event-id": last })).toEqual([204, undefined]);
});

test("is refused for `multiplex`, and whatever is no compression", async () => {
  const { registry } = testRegistry();
  const members = multiplex({ feed: registry.channel("feed") });
  const incoming = new Request("http://localhost/?on=feed");
  await expect(toResponse(incoming, members, options)).rejects.toThrow("compression");
  const wrong = { compression: true } as never;
  await expect(toResponse(incoming, registry.channel("feed"), wrong)).rejects.toThrow("compression");
});
