import { fastifySSE, type SSEReplyInterface } from "@fastify/sse";
import { fastify } from "fastify";
import { ClientsByPath } from "./clients-by-path.ts";
import { eventsAfter } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start({ heartbeat = 0, history = [] }) {
    const clients = new ClientsByPath<SSEReplyInterface>();
    const app = fastify();
    await app.register(fastifySSE, { heartbeatInterval: heartbeat, serializer: String });
    app.get("/:channel", { sse: "only" }, async (request, { sse, raw }) => {
      sse.keepAlive();
      sse.sendHeaders();
      // Without this the headers wait for the first event.
      raw.flushHeaders();
      await sse.replay(async (lastEventId) => {
        const missed = eventsAfter(history, lastEventId);
        const first = history.length - missed.length + 1;
        for (const [index, data] of missed.entries()) await sse.send({ id: String(first + index), data });
      });
      sse.onClose(clients.add(request.url, sse));
    });
    await app.ready();
    return {
      port: await listen(app.server),
      cursor: "0",
      publish(path, data) {
        for (const sse of clients.at(path)) void sse.send({ data });
      },
    };
  },
};
