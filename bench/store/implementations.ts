import { createServer, type ServerResponse } from "node:http";
import { type AnyEvents, createRegistry, type Store, type StreamWriter } from "@holdfast/core";
import { sse } from "@holdfast/node-http";
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

/** On `node:http`, as holdfast in this row, so that only the way between the processes differs. */
async function serveExisting(
  context: ResumableStreamContext,
  path: string,
  res: ServerResponse,
): Promise<void> {
  const body = await context.resumeExistingStream(path);
  if (!body) return void res.writeHead(404).end();
  res.writeHead(200, HEADERS);
  for await (const chunk of body) res.write(chunk);
  res.end();
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
        // Read by nobody, but not cancelled: the library would pay for an exception with each token.
        void first?.pipeTo(new WritableStream());
      }
      return (path, data) => controllers.get(path)?.enqueue(frame(data));
    },
    async serve(place) {
      const context = await connectContext(place);
      const server = createServer((req, res) => void serveExisting(context, req.url ?? "", res));
      return listen(server);
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
