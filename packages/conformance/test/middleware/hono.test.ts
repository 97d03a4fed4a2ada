import type { Server } from "node:http";
import { createRegistry, type SseEvent, sse } from "@holdfast/hono";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { setCookie } from "hono/cookie";
import { cors } from "hono/cors";
import { etag } from "hono/etag";
import { HTTPException } from "hono/http-exception";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import { timeout } from "hono/timeout";
import { timing } from "hono/timing";
import { describe, expect, onTestFinished, test } from "vitest";
import { listen } from "@holdfast/conformance";
import type { Client, ClientRequest } from "../../src/wire/client.ts";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { dataOf, eventsOf } from "../../src/wire/frames.ts";
import { turns } from "../support/turns.ts";
import { recordingObserver, closeReasons } from "../support/recording-observer.ts";
import { testRegistry } from "../support/test-registry.ts";

// Covers packages/hono/src with other middleware.

async function start(app: Hono): Promise<(request?: ClientRequest) => Client> {
  const { port, close } = await listen(createAdaptorServer({ fetch: app.fetch }) as Server);
  onTestFinished(close);
  return (request = {}) => {
    const client = sendHttp1(port, request);
    onTestFinished(() => client.cut());
    return client;
  };
}

test("headers and cookies are kept, whether they are set before or after the handler", async () => {
  const { registry } = testRegistry();
  const job = await registry.open("job");
  const app = new Hono();
  app.use(
    cors({ origin: "https://app.example", credentials: true }),
    secureHeaders(),
    timing(),
    requestId({ generator: () => "42" }),
    timeout(60_000),
    async (c, next) => {
      setCookie(c, "a", "1");
      setCookie(c, "b", "2");
      await next();
      setCookie(c, "c", "3");
      c.header("x-late", "yes");
    },
  );
  app.get("/", (c) => sse(c, job));
  const client = (await start(app))({ headers: { origin: "https://app.example" } });
  await client.until("event: stream.live\n");
  expect(client.headers).toMatchObject({
    "access-control-allow-origin": "https://app.example",
    "access-control-allow-credentials": "true",
    "set-cookie": "a=1; Path=/, b=2; Path=/, c=3; Path=/",
    "x-content-type-options": "nosniff",
    "x-request-id": "42",
    "x-late": "yes",
    vary: "Origin",
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
  });
  expect(client.headers["server-timing"]).toMatch(/^total;dur=/);
  job.push({ data: "one" });
  await client.until("data: one\n\n");
  await job.end();
  expect(await client.finished()).toBe("ended");
});

test.each([
  ["any header", cors(), "last-event-id"],
  [
    "the listed headers",
    cors({ allowHeaders: ["Authorization", "Last-Event-ID"] }),
    "Authorization,Last-Event-ID",
  ],
])("a preflight allows a client to resume if cors allows %s", async (_which, middleware, allowed) => {
  const { registry } = testRegistry();
  const job = await registry.open("job");
  const app = new Hono();
  app.use(middleware);
  app.get("/", (c) => sse(c, job));
  const preflight = await (
    await start(app)
  )({
    method: "OPTIONS",
    headers: {
      origin: "https://app.example",
      "access-control-request-method": "GET",
      "access-control-request-headers": "last-event-id",
    },
  }).answered();
  expect(preflight.status).toBe(204);
  expect(preflight.headers).toMatchObject({
    "access-control-allow-origin": "*",
    "access-control-allow-headers": allowed,
  });
  expect(registry.gauges().connections).toBe(0);
});

test("a body that was read before is not taken for a disconnect", async () => {
  const { registry, recorded } = testRegistry();
  const app = new Hono();
  app.use(bodyLimit({ maxSize: 1_000 }));
  app.post("/", async (c) => {
    const body = await c.req.json<{ name: string }>();
    const job = await registry.open(body.name);
    job.push({ data: body });
    return sse(c, job);
  });
  const client = (await start(app))({
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "job" }),
  });
  await client.until('data: {"name":"job"}\n\n');
  await client.until("event: stream.live\n");
  client.cut();
  await eventually(() => expect(closeReasons(recorded)).toEqual(["disconnected"]));
});

test("nothing is left of a client that disconnects while middleware runs after the handler", async () => {
  const { registry, recorded } = testRegistry();
  const job = await registry.open("job");
  const [reached, proceed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const app = new Hono();
  app.use(async (_c, next) => {
    await next();
    reached.resolve();
    await proceed.promise;
  });
  app.get("/", (c) => sse(c, job));
  const client = (await start(app))();
  await reached.promise;
  client.cut();
  await eventually(() => expect(closeReasons(recorded)).toEqual(["disconnected"]));
  proceed.resolve();
  expect(registry.gauges().connections).toBe(0);
});

test("middleware that reads the whole body delays the response until the end", async () => {
  const { registry } = testRegistry();
  const job = await registry.open("job");
  const app = new Hono();
  app.use(etag());
  app.get("/", (c) => sse(c, job));
  const client = (await start(app))();
  await eventually(() => expect(job.readers).toBe(1));
  await turns(10);
  expect(client.status).toBe(0);
  await job.end();
  expect(await client.finished()).toBe("ended");
  expect(client.headers["etag"]).toMatch(/^"/);
});

describe("an error before the response begins reaches `onError`", () => {
  const feed = createRegistry().channel("feed");
  test.each<readonly [string, (app: Hono) => void, string]>([
    [
      "in middleware",
      (app) => {
        app.use(() => {
          throw new HTTPException(401, { message: "unauthorised" });
        });
        app.get("/", (c) => sse(c, feed));
      },
      "unauthorised",
    ],
    [
      "in the handler",
      (app) =>
        app.get("/", () => {
          throw new Error("no");
        }),
      "no",
    ],
    ["in an option", (app) => app.get("/", (c) => sse(c, feed, { heartbeat: -1 })), "heartbeat"],
    ["in a source", (app) => app.get("/", (c) => sse(c, 7 as never)), "source"],
  ])("%s", async (_where, route, message) => {
    const app = new Hono();
    route(app);
    app.onError((error, c) => c.json({ error: error.message }, 500));
    const client = (await start(app))();
    expect(await client.finished()).toBe("ended");
    expect(client.status).toBe(500);
    expect(client.headers["content-type"]).toBe("application/json");
    expect(client.text).toContain(message);
  });

  test("in middleware after the handler, and the stream is closed", async () => {
    const { registry, recorded } = testRegistry();
    const job = await registry.open("job");
    const app = new Hono();
    app.use(async (_c, next) => {
      await next();
      throw new Error("too late");
    });
    app.get("/", (c) => sse(c, job));
    app.onError((error, c) => c.text(error.message, 500));
    const client = (await start(app))();
    expect(await client.finished()).toBe("ended");
    expect([client.status, client.text]).toEqual([500, "too late"]);
    await eventually(() => expect(closeReasons(recorded)).toEqual(["disconnected"]));
  });
});

test("nothing is left of a handler that finishes after its timeout", async () => {
  const { registry, recorded } = testRegistry();
  const job = await registry.open("job");
  const proceed = Promise.withResolvers<void>();
  const app = new Hono();
  app.use(timeout(10));
  app.get("/", async (c) => {
    await proceed.promise;
    return sse(c, job);
  });
  const client = (await start(app))();
  expect(await client.finished()).toBe("ended");
  expect(client.status).toBe(504);
  proceed.resolve();
  await eventually(() => expect(closeReasons(recorded)).toEqual(["disconnected"]));
});

test("a later error reaches the observer and the client", async () => {
  const recorded = recordingObserver();
  const handled: unknown[] = [];
  const app = new Hono();
  async function* broken(): AsyncGenerator<SseEvent> {
    yield { data: "one" };
    throw new Error("secret");
  }
  app.get("/", (c) => sse(c, broken(), { observer: recorded.observer }));
  app.onError((error, c) => {
    handled.push(error);
    return c.text("", 500);
  });
  const client = (await start(app))();
  expect(await client.finished()).toBe("ended");
  expect(client.status).toBe(200);
  expect(eventsOf(client.text)).toEqual([{ data: "one" }]);
  expect(dataOf(client.text, "stream.error")).toMatchObject({
    code: "SOURCE_FAILED",
    message: "The stream failed.",
  });
  await eventually(() => expect(closeReasons(recorded)).toEqual(["failed"]));
  expect(recorded.failed).toMatchObject([{ stage: "source", error: { message: "secret" } }]);
  expect(handled).toEqual([]);
});
