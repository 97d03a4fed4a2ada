import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { ClientsByPath } from "./clients-by-path.ts";
import { eventsAfter, frame, HEADERS, HEARTBEAT } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** The least that web streams cost: one shared Buffer, one `enqueue` per client, no back-pressure. */
export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const clients = new ClientsByPath<Controller>();
    const heartbeatBytes = Buffer.from(HEARTBEAT);
    const frames = history.map((data, index) => Buffer.from(frame(data, index + 1)));
    clients.startHeartbeats(heartbeat, (controller) => controller.enqueue(heartbeatBytes));

    const app = new Hono();
    app.get("/:channel", (c) => {
      let remove = (): void => undefined;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(heartbeatBytes);
          for (const bytes of eventsAfter(frames, c.req.header("last-event-id"))) controller.enqueue(bytes);
          remove = clients.add(c.req.path, controller);
        },
        cancel: () => remove(),
      });
      return c.body(body, 200, HEADERS);
    });

    return {
      port: await listen(createAdaptorServer(app)),
      cursor: "0",
      publish(path, data) {
        const bytes = Buffer.from(frame(data));
        for (const controller of clients.at(path)) controller.enqueue(bytes);
      },
    };
  },
};
