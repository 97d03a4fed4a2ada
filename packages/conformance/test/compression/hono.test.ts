import type { Server } from "node:http";
import { type Source, sse } from "@holdfast/hono";
import { createAdaptorServer } from "@hono/node-server";
import { Hono, type MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import { describe, expect, onTestFinished, test } from "vitest";
import { listen } from "@holdfast/conformance";
import type { Client } from "../../src/wire/client.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { eventsOf } from "../../src/wire/frames.ts";
import { closeReasons } from "../support/recording-observer.ts";
import { testRegistry } from "../support/test-registry.ts";
import { getEncoded } from "./encoded-client.ts";

// Covers packages/hono/src with the middleware `compress`.

/** Replaces the header that forbids compression; middleware before it does not see it then. */
const allowTransform: MiddlewareHandler = async (c, next) => {
  await next();
  c.header("cache-control", "no-cache");
};

async function start(source: Source, ...middleware: MiddlewareHandler[]): Promise<number> {
  const app = new Hono();
  app.use(...middleware);
  app.get("/", (c) => sse(c, source));
  const { port, close } = await listen(createAdaptorServer({ fetch: app.fetch }) as Server);
  onTestFinished(close);
  return port;
}

async function get(port: number, encoding?: string): Promise<Client> {
  const client = await getEncoded(port, encoding);
  onTestFinished(() => client.cut());
  return client;
}

describe("compression in Hono", () => {
  test.each<readonly [string, MiddlewareHandler[], string | undefined]>([
    ["does not compress a stream", [compress()], "gzip"],
    [
      "does not compress a stream with `no-transform`, whatever its content type filter says",
      [compress({ contentTypeFilter: () => true })],
      "gzip",
    ],
    [
      "does not compress for a client that does not accept it",
      [compress({ contentTypeFilter: () => true }), allowTransform],
      undefined,
    ],
  ])("%s", async (_what, middleware, encoding) => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const client = await get(await start(job, ...middleware), encoding);
    expect(client.headers).not.toHaveProperty("content-encoding");
    for (const data of ["one", "two", "three"]) {
      job.push({ data });
      await client.until(`data: ${data}\n\n`);
    }
    await job.end();
    expect(await client.finished()).toBe("ended");
  });

  // A `CompressionStream` cannot be flushed, so an adapter can do nothing about it.
  test("if forced, buffers the stream until its end, and loses nothing", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const port = await start(job, compress({ contentTypeFilter: () => true }), allowTransform);
    const response = get(port, "gzip");
    await eventually(() => expect(job.readers).toBe(1));
    for (const data of ["one", "two", "three"]) job.push({ data });
    await job.end();
    const client = await response;
    expect(client.headers["content-encoding"]).toBe("gzip");
    expect(await client.finished()).toBe("ended");
    expect(eventsOf(client.text).map(({ data }) => data)).toEqual(["one", "two", "three"]);
  });

  test("does not prevent the detection of a disconnect", async () => {
    const { registry, recorded } = testRegistry();
    const port = await start(
      registry.channel("feed"),
      compress({ contentTypeFilter: () => true }),
      allowTransform,
    );
    const controller = new AbortController();
    const aborted = fetch(`http://127.0.0.1:${port}/`, {
      signal: controller.signal,
      headers: { "accept-encoding": "gzip" },
    }).catch(() => "aborted");
    await eventually(() => expect(recorded.opened).toBe(1));
    controller.abort();
    expect(await aborted).toBe("aborted");
    await eventually(() => expect(closeReasons(recorded)).toEqual(["disconnected"]));
  });
});
