import { createServer } from "node:http";
import { EventStream, H3, toNodeHandler } from "h3";
import { ClientsByPath } from "./clients-by-path.ts";
import { eventsAfter } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const clients = new ClientsByPath<EventStream>();
    clients.startHeartbeats(heartbeat, (stream) => void stream.pushComment(""));

    const app = new H3();
    app.get("/:channel", (event) => {
      const stream = new EventStream(event);
      stream.onClosed(clients.add(event.url.pathname, stream));
      void sendHistory(stream, event.req.headers.get("last-event-id"));
      return stream;
    });

    return {
      port: await listen(createServer(toNodeHandler(app))),
      cursor: "0",
      publish(path, data) {
        for (const stream of clients.at(path)) void stream.push(data);
      },
    };

    async function sendHistory(stream: EventStream, lastEventId: string | null): Promise<void> {
      await stream.pushComment("");
      const missed = eventsAfter(history, lastEventId);
      const first = history.length - missed.length + 1;
      for (const [index, data] of missed.entries()) await stream.push({ id: String(first + index), data });
    }
  },
};
