import type { Server } from "node:http";
import { type Source, sse } from "@holdfast/hono";
import { createAdaptorServer } from "@hono/node-server";
import { Hono, type MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import { describe, expect, onTestFinished, test } from "vitest";
import { listen } from "@holdfast/conformance";
import type { Client } from "../../src/wire/client.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { eventsOf } from "../../src/wire/frames.ts";
import { reasonsOf } from "../support/watch.ts";
import { watchedRegistry } from "../support/watched-registry.ts";
import { getEncoded } from "./encoded-client.ts";

/** Takes the header away that asks not to compress: what stands before it does not see that. */
const transformable: MiddlewareHandler = async (c, next) => {
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
    ["leaves a stream alone", [compress()], "gzip"],
    [
      "leaves a stream alone that asks for that, whatever types it is given",
      [compress({ contentTypeFilter: () => true })],
      "gzip",
    ],
    [
      "leaves a client alone that does not ask for it",
      [compress({ contentTypeFilter: () => true }), transformable],
      undefined,
    ],
  ])("%s", async (_what, middleware, encoding) => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    const client = await get(await start(job, ...middleware), encoding);
    expect(client.headers).not.toHaveProperty("content-encoding");
    for (const data of ["one", "two", "three"]) {
      job.push({ data });
      await client.until(`data: ${data}\n\n`);
    }
    await job.end();
    expect(await client.over()).toBe("ended");
  });

  // A `CompressionStream` cannot be asked for what it holds: nothing can be done about that from here.
  test("keeps what it is made to compress until the end, and loses nothing of it", async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    const port = await start(job, compress({ contentTypeFilter: () => true }), transformable);
    const answer = get(port, "gzip");
    await eventually(() => expect(job.readers).toBe(1));
    for (const data of ["one", "two", "three"]) job.push({ data });
    await job.end();
    const client = await answer;
    expect(client.headers["content-encoding"]).toBe("gzip");
    expect(await client.over()).toBe("ended");
    expect(eventsOf(client.text).map(({ data }) => data)).toEqual(["one", "two", "three"]);
  });

  test("is no obstacle to seeing a client leave", async () => {
    const { registry, watch } = watchedRegistry();
    const port = await start(
      registry.channel("feed"),
      compress({ contentTypeFilter: () => true }),
      transformable,
    );
    const leave = new AbortController();
    const left = fetch(`http://127.0.0.1:${port}/`, {
      signal: leave.signal,
      headers: { "accept-encoding": "gzip" },
    }).catch(() => "left");
    await eventually(() => expect(watch.opened).toBe(1));
    leave.abort();
    expect(await left).toBe("left");
    await eventually(() => expect(reasonsOf(watch)).toEqual(["disconnected"]));
  });
});
