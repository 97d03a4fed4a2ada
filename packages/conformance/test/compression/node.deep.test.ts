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
import { eventually } from "../../src/harness/eventually.ts";
import { eventsOf } from "../../src/wire/frames.ts";
import { turns } from "../support/turns.ts";
import { closeReasons } from "../support/recording-observer.ts";
import { testRegistry } from "../support/test-registry.ts";
import { getEncoded, getEncodedHttp2 } from "./encoded-client.ts";

// Covers packages/node-http/src and packages/express/src with the middleware `compression`.

type Handle = (req: NodeRequest, res: NodeResponse) => Promise<void>;

/** A framework whose server runs middleware before its handler. */
interface Framework {
  readonly name: string;
  readonly serve: (middleware: RequestHandler[], source: Source, options?: ServeOptions) => Server;
  readonly get: (port: number, encoding?: string) => Promise<Client>;
}

const frameworks: Framework[] = [
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
      createServer(withMiddleware(middleware, (req, res) => sseNode(req, res, source, options))),
    get: getEncoded,
  },
  {
    name: "node:http2",
    serve: (middleware, source, options) =>
      createHttp2Server(
        withMiddleware(middleware, (req, res) => sseNode(req, res, source, options)) as unknown as Parameters<
          typeof createHttp2Server
        >[1],
      ),
    get: getEncodedHttp2,
  },
];

/** Runs middleware without a framework. */
function withMiddleware(middleware: RequestHandler[], handle: Handle): RequestListener {
  return (req, res) => {
    const run = ([first, ...rest]: RequestHandler[]): void => {
      if (first === undefined) void handle(req, res);
      else (first as unknown as Middleware)(req, res, () => run(rest));
    };
    run(middleware);
  };
}

type Middleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

/** Replaces the header that forbids compression; runs after the middleware that compresses. */
const allowTransform: RequestHandler = (_req, res, next) => {
  const writeHead = res.writeHead.bind(res) as (status: number, headers: object) => typeof res;
  res.writeHead = ((status: number, headers: object) =>
    writeHead(status, { ...headers, "cache-control": "no-cache" })) as typeof res.writeHead;
  next();
};

const FORCED = [compression({ filter: () => true }), allowTransform];

async function start(
  framework: Framework,
  middleware: RequestHandler[],
  source: Source,
  options?: ServeOptions,
): Promise<(encoding?: string) => Promise<Client>> {
  const { port, close } = await listen(framework.serve(middleware, source, options));
  onTestFinished(close);
  return async (encoding) => {
    const client = await framework.get(port, encoding);
    onTestFinished(() => client.cut());
    return client;
  };
}

/** Text that compression does not make much smaller. */
const noise = (bytes: number): string => randomBytes(bytes).toString("base64");

describe.each(frameworks)("compression with $name", (framework) => {
  test("does not compress a stream, because of `no-transform`", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const get = await start(framework, [compression()], job);
    const client = await get("gzip, br");
    expect(client.headers).toMatchObject({ "cache-control": "no-cache, no-transform" });
    expect(client.headers).not.toHaveProperty("content-encoding");
    for (const data of ["one", "two", "three"]) {
      job.push({ data });
      await client.until(`data: ${data}\n\n`);
    }
    await job.end();
    expect(await client.finished()).toBe("ended");
  });

  test("does not compress for a client that does not accept it", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const client = await (await start(framework, FORCED, job))();
    expect(client.headers).not.toHaveProperty("content-encoding");
    job.push({ data: "one" });
    await client.until("data: one\n\n");
    await job.end();
    expect(await client.finished()).toBe("ended");
  });

  describe.each(["gzip", "deflate", "br"])("if forced, with %s,", (encoding) => {
    test("every event is sent at once, and so is the end", async () => {
      const { registry } = testRegistry();
      const job = await registry.open("job");
      const client = await (await start(framework, FORCED, job))(encoding);
      expect(client.headers).toMatchObject({ "content-encoding": encoding });
      await client.until("event: stream.live\n");
      for (const data of ["one", "two", "three"]) {
        job.push({ data });
        await client.until(`data: ${data}\n\n`);
      }
      await job.end();
      expect(await client.finished()).toBe("ended");
      expect(client.text).toContain("event: stream.end\n");
    });

    test("a cut comes behind everything that was written", async () => {
      const { registry } = testRegistry();
      const job = await registry.open("job");
      const client = await (await start(framework, FORCED, job, { control: false }))(encoding);
      job.push({ data: "one" });
      await client.until("data: one\n\n");
      const data = noise(150_000);
      job.push({ data });
      await registry.cancel("job");
      expect(await client.finished()).toBe("cut");
      expect(eventsOf(client.text).at(-1)?.data).toBe(data);
      expect(client.text.endsWith(`id: ${job.epoch}.3.end\n\n`)).toBe(true);
    });
  });

  test("heartbeats are sent at once too", async () => {
    const { registry } = testRegistry();
    const client = await (
      await start(framework, FORCED, await registry.open("job"), { heartbeat: 10 })
    )("gzip");
    await client.until("event: stream.live\ndata: {}\n\n:\n\n:\n\n");
  });

  test("an event that is larger than its buffer does not stop the delivery", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const client = await (await start(framework, FORCED, job))("gzip");
    for (const letter of ["a", "b", "c"]) {
      const data = letter.repeat(100_000);
      job.push({ data });
      await client.until(`data: ${data}\n\n`);
    }
  });

  test("a client that stops reading receives everything in order later", async () => {
    const { registry } = testRegistry({ buffer: { bytes: 32 << 20 }, idleTimeout: 3_600_000 });
    const job = await registry.open("job");
    const responses: NodeResponse[] = [];
    const keepResponse: RequestHandler = (_req, res, next) => {
      responses.push(res);
      next();
    };
    const client = await (await start(framework, [keepResponse, ...FORCED], job))("gzip");
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
    expect(await client.finished()).toBe("ended");
    expect(eventsOf(client.text).map(({ data }) => data)).toEqual(sent);
  });

  test("a client that never reads again is destroyed", async () => {
    const { registry, recorded } = testRegistry({ buffer: { bytes: 32 << 20 } });
    const job = await registry.open("job");
    const client = await (await start(framework, FORCED, job, { idleTimeout: 50 }))("gzip");
    await client.until("event: stream.live\n");
    client.pause();
    const push = (): void => void job.push({ data: noise(60_000) });
    await eventually(() => {
      push();
      expect(closeReasons(recorded)).toEqual(["zombie"]);
    });
  });

  test("a client that disconnects is noticed", async () => {
    const { registry, recorded } = testRegistry();
    const job = await registry.open("job");
    const client = await (await start(framework, FORCED, job))("gzip");
    await client.until("event: stream.live\n");
    client.cut();
    await eventually(() => expect(closeReasons(recorded)).toEqual(["disconnected"]));
    job.push({ data: "for no client" });
  });
});
