import { createServer } from "node:http";
import { EventStream, H3, toNodeHandler } from "h3";
import { Audience } from "./audience.ts";
import { missed } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const audience = new Audience<EventStream>();
    audience.keepAlive(heartbeat, (stream) => void stream.pushComment(""));

    const app = new H3();
    app.get("/:channel", (event) => {
      const stream = new EventStream(event);
      stream.onClosed(audience.join(event.url.pathname, stream));
      void greet(stream, event.req.headers.get("last-event-id"));
      return stream;
    });

    return {
      port: await listen(createServer(toNodeHandler(app))),
      cursor: "0",
      publish(path, data) {
        for (const stream of audience.at(path)) void stream.push(data);
      },
    };

    async function greet(stream: EventStream, lastEventId: string | null): Promise<void> {
      await stream.pushComment("");
      const past = missed(history, lastEventId);
      const first = history.length - past.length + 1;
      for (const [index, data] of past.entries()) await stream.push({ id: String(first + index), data });
    }
  },
};
