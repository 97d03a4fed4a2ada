import { createServer } from "node:http";
import { type AnyEvents, createRegistry, type Store, type StreamWriter } from "@holdfast/core";
import { sse } from "@holdfast/node-http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { createClient } from "redis";
import { createResumableStreamContext, type ResumableStreamContext } from "resumable-stream";
import { frame, HEADERS, HEARTBEAT } from "../peers/frame.ts";
import { listen } from "../peers/listen.ts";
import { stores } from "./stores.ts";

/** A way to produce streams in one process and serve them in another, over Redis. */
interface Implementation {
  /** Opens the streams of these paths. Returns a function that sends a token to one of them. */
  produce(port: number, paths: readonly string[]): Promise<(path: string, data: string) => void>;
  /** Starts a web server. Returns its port. */
  serve(port: number): Promise<number>;
}

async function connectContext(port: number): Promise<ResumableStreamContext> {
  const publisher = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
  const subscriber = await publisher.duplicate().connect();
  return createResumableStreamContext({ waitUntil: null, publisher, subscriber });
}

async function connectStore(port: number): Promise<Store> {
  return (await stores.redis?.(port)) as Store;
}

export const implementations: Readonly<Record<string, Implementation>> = {
  "resumable-stream": {
    async produce(port, paths) {
      const context = await connectContext(port);
      const controllers = new Map<string, ReadableStreamDefaultController<string>>();
      for (const path of paths) {
        const make = (): ReadableStream<string> =>
          new ReadableStream({
            start(controller) {
              controller.enqueue(HEARTBEAT);
              controllers.set(path, controller);
            },
          });
        const first = await context.createNewResumableStream(path, make);
        void first?.cancel();
      }
      return (path, data) => controllers.get(path)?.enqueue(frame(data));
    },
    async serve(port) {
      const context = await connectContext(port);
      const app = new Hono();
      app.get("/:stream", async (c) => {
        const body = await context.resumeExistingStream(c.req.path);
        if (!body) return c.notFound();
        return c.body(body.pipeThrough(new TextEncoderStream()), 200, HEADERS);
      });
      return listen(createAdaptorServer(app) as ReturnType<typeof createServer>);
    },
  },
  holdfast: {
    async produce(port, paths) {
      const registry = createRegistry({ store: await connectStore(port) });
      const writers = new Map<string, StreamWriter<AnyEvents>>();
      for (const path of paths) writers.set(path, await registry.open(path.slice(1)));
      return (path, data) => void writers.get(path)?.push({ data });
    },
    async serve(port) {
      const registry = createRegistry({ store: await connectStore(port) });
      const server = createServer(
        (req, res) => void sse(req, res, registry.stream((req.url ?? "").slice(1))),
      );
      return listen(server);
    },
  },
};
