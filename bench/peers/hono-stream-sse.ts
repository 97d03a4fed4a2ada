import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { Audience } from "./audience.ts";
import { HEARTBEAT, missed } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const audience = new Audience<SSEStreamingApi>();
    audience.keepAlive(heartbeat, (stream) => void stream.write(HEARTBEAT));

    const app = new Hono();
    app.get("/:channel", (c) =>
      streamSSE(c, async (stream) => {
        const gone = new Promise<void>((resolve) => stream.onAbort(resolve));
        await stream.write(HEARTBEAT);
        const past = missed(history, c.req.header("last-event-id"));
        const first = history.length - past.length + 1;
        for (const [index, data] of past.entries())
          await stream.writeSSE({ id: String(first + index), data });
        const leave = audience.join(c.req.path, stream);
        await gone;
        leave();
      }),
    );

    return {
      port: await listen(createAdaptorServer(app)),
      cursor: "0",
      publish(path, data) {
        for (const stream of audience.at(path)) void stream.writeSSE({ data });
      },
    };
  },
};
