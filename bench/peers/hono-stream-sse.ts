import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { ClientsByPath } from "./clients-by-path.ts";
import { eventsAfter, HEARTBEAT } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const clients = new ClientsByPath<SSEStreamingApi>();
    clients.startHeartbeats(heartbeat, (stream) => void stream.write(HEARTBEAT));

    const app = new Hono();
    app.get("/:channel", (c) =>
      streamSSE(c, async (stream) => {
        const aborted = new Promise<void>((resolve) => stream.onAbort(resolve));
        await stream.write(HEARTBEAT);
        const missed = eventsAfter(history, c.req.header("last-event-id"));
        const first = history.length - missed.length + 1;
        for (const [index, data] of missed.entries())
          await stream.writeSSE({ id: String(first + index), data });
        const remove = clients.add(c.req.path, stream);
        await aborted;
        remove();
      }),
    );

    return {
      port: await listen(createAdaptorServer(app)),
      cursor: "0",
      publish(path, data) {
        for (const stream of clients.at(path)) void stream.writeSSE({ data });
      },
    };
  },
};
