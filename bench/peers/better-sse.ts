import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Channel, createChannel, createEventBuffer, createSession } from "better-sse";
import { eventsAfter } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

const serializer = String;

export const peer: Peer = {
  async start({ heartbeat = null, history = [] }) {
    const channels = new Map<string, Channel>();
    const channelAt = (path: string): Channel => {
      let channel = channels.get(path);
      if (channel === undefined) channels.set(path, (channel = createChannel()));
      return channel;
    };

    const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
      const session = await createSession(req, res, { serializer, keepAlive: heartbeat });
      const missed = eventsAfter(history, session.lastId);
      const first = history.length - missed.length + 1;
      if (missed.length > 0) {
        await session.batch((buffer) => {
          for (const [index, data] of missed.entries()) buffer.push(data, "message", String(first + index));
        });
      }
      channelAt(req.url ?? "/").register(session);
    };

    return {
      port: await listen(createServer((req, res) => void serve(req, res))),
      cursor: "0",
      publish(path, data) {
        const buffer = createEventBuffer({ serializer }).push(data);
        for (const session of channelAt(path).activeSessions) void session.batch(buffer);
      },
    };
  },
};
