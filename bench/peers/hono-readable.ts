import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { Audience } from "./audience.ts";
import { frame, HEADERS, HEARTBEAT, missed } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** What web streams cost at least: one shared Buffer, one `enqueue` for each client, no heed of who is slow. */
export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const audience = new Audience<Controller>();
    const beat = Buffer.from(HEARTBEAT);
    const past = history.map((data, index) => Buffer.from(frame(data, index + 1)));
    audience.keepAlive(heartbeat, (controller) => controller.enqueue(beat));

    const app = new Hono();
    app.get("/:channel", (c) => {
      let leave = (): void => undefined;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(beat);
          for (const bytes of missed(past, c.req.header("last-event-id"))) controller.enqueue(bytes);
          leave = audience.join(c.req.path, controller);
        },
        cancel: () => leave(),
      });
      return c.body(body, 200, HEADERS);
    });

    return {
      port: await listen(createAdaptorServer(app)),
      cursor: "0",
      publish(path, data) {
        const bytes = Buffer.from(frame(data));
        for (const controller of audience.at(path)) controller.enqueue(bytes);
      },
    };
  },
};
