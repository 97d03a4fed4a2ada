import { createServer } from "node:http";
import { createRegistry, type SseEvent } from "@holdfast/core";
import { sse } from "@holdfast/express";
import cors from "cors";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import express4 from "express-4";
import session, { MemoryStore } from "express-session";
import { describe, expect, onTestFinished, test } from "vitest";
import { listen } from "@holdfast/conformance";
import type { Client, ClientRequest } from "../../src/wire/client.ts";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { dataOf, eventsOf } from "../../src/wire/frames.ts";
import { recordingObserver, closeReasons } from "../support/recording-observer.ts";
import { testRegistry } from "../support/test-registry.ts";

// Covers packages/express/src with other middleware.

type Version = readonly [name: string, create: typeof express];

const versions: Version[] = [
  ["express 5", express],
  ["express 4", express4],
];

async function start(app: Express): Promise<(request?: ClientRequest) => Client> {
  const { port, close } = await listen(createServer(app));
  onTestFinished(close);
  return (request = {}) => {
    const client = sendHttp1(port, request);
    onTestFinished(() => client.cut());
    return client;
  };
}

describe.each(versions)("%s", (_name, create) => {
  test("headers and cookies of earlier middleware are kept", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const app = create();
    app.use(cors({ origin: "https://app.example", credentials: true, exposedHeaders: "x-request-id" }));
    app.use((_req, res, next) => {
      res.cookie("a", "1", { httpOnly: true });
      res.cookie("b", "2");
      res.set("x-request-id", "42").set("cache-control", "public").vary("accept-language");
      next();
    });
    app.get("/", (req, res) => sse(req, res, job));
    const client = await (await start(app))({ headers: { origin: "https://app.example" } }).answered();
    expect(client.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "x-request-id",
      "x-request-id": "42",
      "set-cookie": "a=1; Path=/; HttpOnly, b=2; Path=/",
      vary: "Origin, accept-language",
      // These two are always core's.
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
    });
  });

  test("a preflight allows a client to resume", async () => {
    const app = create();
    app.use(cors({ origin: "https://app.example", allowedHeaders: ["Last-Event-ID", "Authorization"] }));
    app.get("/", (req, res) => sse(req, res, createRegistry().channel("feed")));
    const client = (await start(app))({
      method: "OPTIONS",
      headers: {
        origin: "https://app.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "last-event-id",
      },
    });
    await client.answered();
    expect(client.status).toBe(204);
    expect(client.headers["access-control-allow-headers"]).toBe("Last-Event-ID,Authorization");
  });

  test("a body that was parsed before is not taken for a disconnect", async () => {
    const { registry, recorded } = testRegistry();
    const app = create();
    app.use(express.json(), express.urlencoded({ extended: false }), express.text());
    app.post("/", async (req, res) => {
      const { name } = req.body as { name: string };
      const job = await registry.open(name);
      job.push({ data: req.body as unknown });
      await sse(req, res, job);
    });
    const client = (await start(app))({
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "job" }),
    });
    await client.until('data: {"name":"job"}\n\n');
    await client.until("event: stream.live\n");
    expect(recorded.closed).toEqual([]);
    client.cut();
    await eventually(() => expect(closeReasons(recorded)).toEqual(["disconnected"]));
  });

  test("a method that middleware has overridden is used", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const app = create();
    app.use((req, _res, next) => {
      req.method = req.get("x-http-method-override") ?? req.method;
      next();
    });
    app.get("/", (req, res) => sse(req, res, job));
    const send = await start(app);
    const client = send({ method: "POST", headers: { "x-http-method-override": "GET" }, body: "" });
    await client.until("event: stream.live\n");
    const head = send({ method: "POST", headers: { "x-http-method-override": "HEAD" }, body: "" });
    await head.answered();
    expect(head.headers["content-type"]).toBe("text/event-stream");
  });

  describe("a session, which replaces `writeHead` and `end`,", () => {
    test("sets its cookie, and is saved after the last event, before the response ends", async () => {
      const { registry } = testRegistry();
      const job = await registry.open("job");
      const saving = Promise.withResolvers<void>();
      const store = new MemoryStore();
      const save = store.set.bind(store);
      let saved = 0;
      store.set = (id, data, done) => {
        saved++;
        void saving.promise.then(() => save(id, data, done));
      };
      const app = create();
      app.use(session({ secret: "s", resave: false, saveUninitialized: true, rolling: true, store }));
      app.get("/", (req, res) => sse(req, res, job));
      const client = (await start(app))();
      await client.until("event: stream.live\n");
      expect(client.headers["set-cookie"]).toMatch(/^connect\.sid=/);
      job.push({ data: "one" });
      await client.until("data: one\n\n");
      await job.end();
      await client.until("event: stream.end\n");
      await eventually(() => expect(saved).toBe(1));
      expect(client.state).toBe("open");
      saving.resolve();
      expect(await client.finished()).toBe("ended");
    });

    test("whose store hangs is cut at the end", async () => {
      const { registry, recorded } = testRegistry();
      const job = await registry.open("job");
      const store = new MemoryStore();
      store.set = () => undefined;
      const app = create();
      app.use(session({ secret: "s", resave: false, saveUninitialized: true, store }));
      app.get("/", (req, res) => sse(req, res, job, { idleTimeout: 50, heartbeat: 20 }));
      const client = (await start(app))();
      await client.until("event: stream.live\n");
      await job.end();
      expect(await client.finished()).toBe("cut");
      expect(client.text).toMatch(/"status":"done"}\n\n$/);
      await eventually(() => expect(closeReasons(recorded)).toEqual(["ended"]));
    });

    test("does not hide a disconnect", async () => {
      const { registry, recorded } = testRegistry();
      const job = await registry.open("job");
      const app = create();
      app.use(session({ secret: "s", resave: true, saveUninitialized: true, rolling: true }));
      app.get("/", (req, res) => sse(req, res, job));
      const client = (await start(app))();
      await client.until("event: stream.live\n");
      client.cut();
      await eventually(() => expect(closeReasons(recorded)).toEqual(["disconnected"]));
    });
  });

  describe("an error before the response begins reaches the error handler", () => {
    const cases: readonly [string, (app: Express) => void][] = [
      [
        "in middleware",
        (app) => {
          app.use((_req, _res, next) => next(new Error("no")));
          app.get("/", (req, res) => sse(req, res, createRegistry().channel("feed")));
        },
      ],
      [
        "in the handler",
        (app) =>
          app.get("/", () => {
            throw new Error("no");
          }),
      ],
      [
        "in an option",
        (app) =>
          app.get("/", (req, res, next) => {
            sse(req, res, createRegistry().channel("feed"), { heartbeat: -1 }).catch(next);
          }),
      ],
      [
        "in a source",
        (app) =>
          app.get("/", (req, res, next) => {
            sse(req, res, 7 as never).catch(next);
          }),
      ],
    ];
    test.each(cases)("%s", async (_where, route) => {
      const app = create();
      route(app);
      // Express recognises an error handler by its four parameters.
      app.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
        res.status(500).json({ error: error.message });
      });
      const client = (await start(app))();
      expect(await client.finished()).toBe("ended");
      expect(client.status).toBe(500);
      expect(client.headers["content-type"]).toMatch("application/json");
      expect(client.text).toMatch(/^{"error":"(no|.*(heartbeat|source).*)"}$/);
    });
  });

  test("a later error reaches the observer and the client", async () => {
    const recorded = recordingObserver();
    const handled: unknown[] = [];
    const app = create();
    async function* broken(): AsyncGenerator<SseEvent> {
      yield { data: "one" };
      throw new Error("secret");
    }
    let served = 0;
    app.get("/", (req, res, next) => {
      sse(req, res, broken(), { observer: recorded.observer })
        .then(() => served++)
        .catch(next);
    });
    app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
      handled.push(error);
      res.status(500).end();
    });
    const client = (await start(app))();
    expect(await client.finished()).toBe("ended");
    expect(eventsOf(client.text)).toEqual([{ data: "one" }]);
    expect(dataOf(client.text, "stream.error")).toMatchObject({
      code: "SOURCE_FAILED",
      message: "The stream failed.",
    });
    await eventually(() => expect(served).toBe(1));
    expect(recorded.failed).toMatchObject([{ stage: "source", error: { message: "secret" } }]);
    expect(closeReasons(recorded)).toEqual(["failed"]);
    expect(handled).toEqual([]);
  });
});

test("express 5 passes the rejection of a returned promise to its error handler", async () => {
  const app = express();
  app.get("/", (req, res) => sse(req, res, createRegistry().channel("feed"), { heartbeat: -1 }));
  app.use((error: { code: string }, _req: Request, res: Response, _next: NextFunction) => {
    res.status(500).end(error.code);
  });
  const client = (await start(app))();
  expect(await client.finished()).toBe("ended");
  expect([client.status, client.text]).toEqual([500, "INVALID_OPTION"]);
});
