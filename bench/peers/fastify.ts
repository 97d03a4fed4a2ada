import { fastifySSE, type SSEReplyInterface } from "@fastify/sse";
import { fastify } from "fastify";
import { Audience } from "./audience.ts";
import { missed } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start({ heartbeat = 0, history = [] }) {
    const audience = new Audience<SSEReplyInterface>();
    const app = fastify();
    await app.register(fastifySSE, { heartbeatInterval: heartbeat, serializer: String });
    app.get("/:channel", { sse: "only" }, async (request, { sse, raw }) => {
      sse.keepAlive();
      sse.sendHeaders();
      // Else they wait for the first event.
      raw.flushHeaders();
      await sse.replay(async (lastEventId) => {
        const past = missed(history, lastEventId);
        const first = history.length - past.length + 1;
        for (const [index, data] of past.entries()) await sse.send({ id: String(first + index), data });
      });
      sse.onClose(audience.join(request.url, sse));
    });
    await app.ready();
    return {
      port: await listen(app.server),
      cursor: "0",
      publish(path, data) {
        for (const sse of audience.at(path)) void sse.send({ data });
      },
    };
  },
};
