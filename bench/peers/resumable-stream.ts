import { spawn } from "node:child_process";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { createClient } from "redis";
import { createResumableStreamContext } from "resumable-stream";
import { frame, HEADERS, HEARTBEAT } from "./frame.ts";
import { freePort, listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start() {
    const port = await freePort();
    const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    const redis = spawn("redis-server", options, { stdio: "ignore" });
    process.on("exit", () => redis.kill());
    const publisher = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
    const subscriber = await publisher.duplicate().connect();
    const context = createResumableStreamContext({ waitUntil: null, publisher, subscriber });
    const controllers = new Map<string, ReadableStreamDefaultController<string>>();

    const app = new Hono();
    app.get("/:stream", async (c) => {
      const id = c.req.path;
      const make = (): ReadableStream<string> =>
        new ReadableStream({
          start(controller) {
            controller.enqueue(HEARTBEAT);
            controllers.set(id, controller);
          },
        });
      const first = await context.createNewResumableStream(id, make);
      // Read by nobody, but not cancelled: the library would pay for an exception with each token.
      void first?.pipeTo(new WritableStream());
      const body = await context.resumeExistingStream(id);
      if (!body) return c.notFound();
      return c.body(body.pipeThrough(new TextEncoderStream()), 200, HEADERS);
    });

    return {
      port: await listen(createAdaptorServer(app)),
      publish: (path, data) => controllers.get(path)?.enqueue(frame(data)),
    };
  },
};
