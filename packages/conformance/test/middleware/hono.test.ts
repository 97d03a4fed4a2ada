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
import { deferred } from "../support/deferred.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { dataOf, eventsOf } from "../../src/wire/frames.ts";
import { turns } from "../support/turns.ts";
import { createWatch, reasonsOf } from "../support/watch.ts";
import { watchedRegistry } from "../support/watched-registry.ts";

async function start(app: Hono): Promise<(request?: ClientRequest) => Client> {
  const { port, close } = await listen(createAdaptorServer({ fetch: app.fetch }) as Server);
  onTestFinished(close);
  return (request = {}) => {
    const client = sendHttp1(port, request);
    onTestFinished(() => client.cut());
    return client;
  };
}

test("headers and cookies stay, whether they are set before the handler or after it", async () => {
  const { registry } = watchedRegistry();
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
  expect(await client.over()).toBe("ended");
});

test.each([
  ["any header", cors(), "last-event-id"],
  [
    "those that are named",
    cors({ allowHeaders: ["Authorization", "Last-Event-ID"] }),
    "Authorization,Last-Event-ID",
  ],
])("a preflight for a client that resumes, where %s may come", async (_which, middleware, allowed) => {
  const { registry } = watchedRegistry();
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

test("a body that was read before is no client that has left", async () => {
  const { registry, watch } = watchedRegistry();
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
  await eventually(() => expect(reasonsOf(watch)).toEqual(["disconnected"]));
});

test("a client that leaves while middleware works behind the handler leaves nothing", async () => {
  const { registry, watch } = watchedRegistry();
  const job = await registry.open("job");
  const [reached, goOn] = [deferred(), deferred()];
  const app = new Hono();
  app.use(async (_c, next) => {
    await next();
    reached.resolve();
    await goOn.promise;
  });
  app.get("/", (c) => sse(c, job));
  const client = (await start(app))();
  await reached.promise;
  client.cut();
  await eventually(() => expect(reasonsOf(watch)).toEqual(["disconnected"]));
  goOn.resolve();
  expect(registry.gauges().connections).toBe(0);
});

test("what needs the whole body waits for it", async () => {
  const { registry } = watchedRegistry();
  const job = await registry.open("job");
  const app = new Hono();
  app.use(etag());
  app.get("/", (c) => sse(c, job));
  const client = (await start(app))();
  await eventually(() => expect(job.readers).toBe(1));
  await turns(10);
  expect(client.status).toBe(0);
  await job.end();
  expect(await client.over()).toBe("ended");
  expect(client.headers["etag"]).toMatch(/^"/);
});

describe("an error before the response begins reaches `onError`", () => {
  const feed = createRegistry().channel("feed");
  test.each<readonly [string, (app: Hono) => void, string]>([
    [
      "in middleware",
      (app) => {
        app.use(() => {
          throw new HTTPException(401, { message: "who?" });
        });
        app.get("/", (c) => sse(c, feed));
      },
      "who?",
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
    expect(await client.over()).toBe("ended");
    expect(client.status).toBe(500);
    expect(client.headers["content-type"]).toBe("application/json");
    expect(client.text).toContain(message);
  });

  test("in middleware behind the handler, and the stream that nobody reads is let go", async () => {
    const { registry, watch } = watchedRegistry();
    const job = await registry.open("job");
    const app = new Hono();
    app.use(async (_c, next) => {
      await next();
      throw new Error("too late");
    });
    app.get("/", (c) => sse(c, job));
    app.onError((error, c) => c.text(error.message, 500));
    const client = (await start(app))();
    expect(await client.over()).toBe("ended");
    expect([client.status, client.text]).toEqual([500, "too late"]);
    await eventually(() => expect(reasonsOf(watch)).toEqual(["disconnected"]));
  });
});

test("a handler that comes when its time is over leaves nothing", async () => {
  const { registry, watch } = watchedRegistry();
  const job = await registry.open("job");
  const goOn = deferred();
  const app = new Hono();
  app.use(timeout(10));
  app.get("/", async (c) => {
    await goOn.promise;
    return sse(c, job);
  });
  const client = (await start(app))();
  expect(await client.over()).toBe("ended");
  expect(client.status).toBe(504);
  goOn.resolve();
  await eventually(() => expect(reasonsOf(watch)).toEqual(["disconnected"]));
});

test("an error after that is for the observer and the client", async () => {
  const watch = createWatch();
  const handled: unknown[] = [];
  const app = new Hono();
  async function* broken(): AsyncGenerator<SseEvent> {
    yield { data: "one" };
    throw new Error("secret");
  }
  app.get("/", (c) => sse(c, broken(), { observer: watch.observer }));
  app.onError((error, c) => {
    handled.push(error);
    return c.text("", 500);
  });
  const client = (await start(app))();
  expect(await client.over()).toBe("ended");
  expect(client.status).toBe(200);
  expect(eventsOf(client.text)).toEqual([{ data: "one" }]);
  expect(dataOf(client.text, "stream.error")).toMatchObject({
    code: "SOURCE_FAILED",
    message: "The stream failed.",
  });
  await eventually(() => expect(reasonsOf(watch)).toEqual(["failed"]));
  expect(watch.failed).toMatchObject([{ stage: "source", error: { message: "secret" } }]);
  expect(handled).toEqual([]);
});
