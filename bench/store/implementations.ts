import { createServer } from "node:http";
import { type AnyEvents, createRegistry, type Store, type StreamWriter } from "@holdfast/core";
import { sse } from "@holdfast/node-http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { createClient } from "redis";
import { createResumableStreamContext, type ResumableStreamContext } from "resumable-stream";
import { frame, HEADERS, HEARTBEAT } from "../peers/frame.ts";
import { listen } from "../peers/listen.ts";
import { type Place, type Server, storeOf } from "./stores.ts";

/** A way to produce streams in one process and serve them in another. */
interface Implementation {
  /** Opens the streams of these paths. Returns a function that sends a token to one of them. */
  produce(place: Place, paths: readonly string[]): Promise<(path: string, data: string) => void>;
  /** Starts a web server. Returns its port. */
  serve(place: Place): Promise<number>;
}

async function connectContext(place: Place): Promise<ResumableStreamContext> {
  const publisher = await createClient({ url: `redis://127.0.0.1:${place}` }).connect();
  const subscriber = await publisher.duplicate().connect();
  return createResumableStreamContext({ waitUntil: null, publisher, subscriber });
}

export const implementations: Readonly<Record<string, Implementation>> = {
  "resumable-stream": {
    async produce(place, paths) {
      const context = await connectContext(place);
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
    async serve(place) {
      const context = await connectContext(place);
      const app = new Hono();
      app.get("/:stream", async (c) => {
        const body = await context.resumeExistingStream(c.req.path);
        if (!body) return c.notFound();
        return c.body(body.pipeThrough(new TextEncoderStream()), 200, HEADERS);
      });
      return listen(createAdaptorServer(app) as ReturnType<typeof createServer>);
    },
  },
  holdfast: holdfastOn("redis"),
  "holdfast on SQLite": holdfastOn("sqlite"),
  "holdfast on Postgres": holdfastOn("postgres"),
};

export const OURS: readonly string[] = Object.keys(implementations).filter((name) =>
  name.startsWith("holdfast"),
);

export function serverOf(implementation: string): Server {
  if (implementation.endsWith("SQLite")) return "sqlite";
  return implementation.endsWith("Postgres") ? "postgres" : "redis";
}

function holdfastOn(store: Server): Implementation {
  const connectStore = (place: Place): Promise<Store> => storeOf(store).connect(place);
  return {
    async produce(place, paths) {
      const registry = createRegistry({ store: await connectStore(place) });
      const writers = new Map<string, StreamWriter<AnyEvents>>();
      for (const path of paths) writers.set(path, await registry.open(path.slice(1)));
      return (path, data) => void writers.get(path)?.push({ data });
    },
    async serve(place) {
      const registry = createRegistry({ store: await connectStore(place) });
      const server = createServer((req, res) => {
        const id = (req.url ?? "").slice(1);
        void sse(req, res, id.startsWith("channel-") ? registry.channel(id) : registry.stream(id));
      });
      return listen(server);
    },
  };
}
