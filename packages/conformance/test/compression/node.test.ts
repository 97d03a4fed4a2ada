import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { Server } from "node:net";
import type { ServeOptions, Source } from "@holdfast/core";
import { sse as sseExpress } from "@holdfast/express";
import { type NodeRequest, type NodeResponse, sse as sseNode } from "@holdfast/node-http";
import compression from "compression";
import express, { type RequestHandler } from "express";
import express4 from "express-4";
import { describe, expect, onTestFinished, test } from "vitest";
import { listen } from "@holdfast/conformance";
import type { Client } from "../../src/wire/client.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { eventsOf } from "../../src/wire/frames.ts";
import { turns } from "../support/turns.ts";
import { reasonsOf } from "../support/watch.ts";
import { watchedRegistry } from "../support/watched-registry.ts";
import { getEncoded, getEncodedHttp2 } from "./encoded-client.ts";

type Handle = (req: NodeRequest, res: NodeResponse) => Promise<void>;

/** A server with the middleware before its handler. */
interface Front {
  readonly name: string;
  readonly serve: (middleware: RequestHandler[], source: Source, options?: ServeOptions) => Server;
  readonly get: (port: number, encoding?: string) => Promise<Client>;
}

const fronts: Front[] = [
  ...(
    [
      ["express 5", express],
      ["express 4", express4],
    ] as const
  ).map(([name, create]) => ({
    name,
    serve(middleware: RequestHandler[], source: Source, options?: ServeOptions) {
      const app = create();
      for (const one of middleware) app.use(one);
      app.get("/", (req, res) => sseExpress(req, res, source, options));
      return createServer(app);
    },
    get: getEncoded,
  })),
  {
    name: "node:http",
    serve: (middleware, source, options) =>
      createServer(behind(middleware, (req, res) => sseNode(req, res, source, options))),
    get: getEncoded,
  },
  {
    name: "node:http2",
    serve: (middleware, source, options) =>
      createHttp2Server(
        behind(middleware, (req, res) => sseNode(req, res, source, options)) as unknown as Parameters<
          typeof createHttp2Server
        >[1],
      ),
    get: getEncodedHttp2,
  },
];

/** Middleware, without a framework. */
function behind(middleware: RequestHandler[], handle: Handle): RequestListener {
  return (req, res) => {
    const run = ([first, ...rest]: RequestHandler[]): void => {
      if (first === undefined) void handle(req, res);
      else (first as unknown as Middleware)(req, res, () => run(rest));
    };
    run(middleware);
  };
}

type Middleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

/** Takes the header away that asks not to compress: runs behind what compresses. */
const transformable: RequestHandler = (_req, res, next) => {
  const writeHead = res.writeHead.bind(res) as (status: number, headers: object) => typeof res;
  res.writeHead = ((status: number, headers: object) =>
    writeHead(status, { ...headers, "cache-control": "no-cache" })) as typeof res.writeHead;
  next();
};

const FORCED = [compression({ filter: () => true }), transformable];

async function start(
  front: Front,
  middleware: RequestHandler[],
  source: Source,
  options?: ServeOptions,
): Promise<(encoding?: string) => Promise<Client>> {
  const { port, close } = await listen(front.serve(middleware, source, options));
  onTestFinished(close);
  return async (encoding) => {
    const client = await front.get(port, encoding);
    onTestFinished(() => client.cut());
    return client;
  };
}

/** What no encoding makes smaller. */
const noise = (bytes: number): string => randomBytes(bytes).toString("base64");

describe.each(fronts)("compression before $name", (front) => {
  test("leaves a stream alone, which asks for that", async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    const get = await start(front, [compression()], job);
    const client = await get("gzip, br");
    expect(client.headers).toMatchObject({ "cache-control": "no-cache, no-transform" });
    expect(client.headers).not.toHaveProperty("content-encoding");
    for (const data of ["one", "two", "three"]) {
      job.push({ data });
      await client.until(`data: ${data}\n\n`);
    }
    await job.end();
    expect(await client.over()).toBe("ended");
  });

  test("leaves a client alone that does not ask for it", async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    const client = await (await start(front, FORCED, job))();
    expect(client.headers).not.toHaveProperty("content-encoding");
    job.push({ data: "one" });
    await client.until("data: one\n\n");
    await job.end();
    expect(await client.over()).toBe("ended");
  });

  describe.each(["gzip", "deflate", "br"])("where it is made to, by %s,", (encoding) => {
    test("every event goes out as it comes, and so does the end", async () => {
      const { registry } = watchedRegistry();
      const job = await registry.open("job");
      const client = await (await start(front, FORCED, job))(encoding);
      expect(client.headers).toMatchObject({ "content-encoding": encoding });
      await client.until("event: stream.live\n");
      for (const data of ["one", "two", "three"]) {
        job.push({ data });
        await client.until(`data: ${data}\n\n`);
      }
      await job.end();
      expect(await client.over()).toBe("ended");
      expect(client.text).toContain("event: stream.end\n");
    });
  });

  test("heartbeats go out as well", async () => {
    const { registry } = watchedRegistry();
    const client = await (await start(front, FORCED, await registry.open("job"), { heartbeat: 10 }))("gzip");
    await client.until("event: stream.live\ndata: {}\n\n:\n\n:\n\n");
  });

  test("an event that is larger than its buffer does not end the delivery", async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    const client = await (await start(front, FORCED, job))("gzip");
    for (const letter of ["a", "b", "c"]) {
      const data = letter.repeat(100_000);
      job.push({ data });
      await client.until(`data: ${data}\n\n`);
    }
  });

  test("a client that stops reading is waited for, and gets everything in order", async () => {
    const { registry } = watchedRegistry({ buffer: { bytes: 32 << 20 } });
    const job = await registry.open("job");
    const responses: NodeResponse[] = [];
    const look: RequestHandler = (_req, res, next) => {
      responses.push(res);
      next();
    };
    const client = await (await start(front, [look, ...FORCED], job))("gzip");
    await client.until("event: stream.live\n");
    client.pause();
    const sent: string[] = [];
    for (let count = 0; count < 100; count++) {
      sent.push(noise(60_000));
      job.push({ data: sent.at(-1) });
      await turns(2);
    }
    expect(responses[0]?.writableLength).toBeLessThan(1 << 20);
    client.resume();
    await job.end();
    expect(await client.over()).toBe("ended");
    expect(eventsOf(client.text).map(({ data }) => data)).toEqual(sent);
  });

  test("a client that stops reading for good is destroyed", async () => {
    const { registry, watch } = watchedRegistry({ buffer: { bytes: 32 << 20 } });
    const job = await registry.open("job");
    const client = await (await start(front, FORCED, job, { idleTimeout: 50 }))("gzip");
    await client.until("event: stream.live\n");
    client.pause();
    const push = (): void => void job.push({ data: noise(60_000) });
    await eventually(() => {
      push();
      expect(reasonsOf(watch)).toEqual(["zombie"]);
    });
  });

  test("a client that leaves is let go", async () => {
    const { registry, watch } = watchedRegistry();
    const job = await registry.open("job");
    const client = await (await start(front, FORCED, job))("gzip");
    await client.until("event: stream.live\n");
    client.cut();
    await eventually(() => expect(reasonsOf(watch)).toEqual(["disconnected"]));
    job.push({ data: "to nobody" });
  });
});
