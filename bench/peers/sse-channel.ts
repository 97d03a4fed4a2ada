import { createServer } from "node:http";
import SseChannel from "sse-channel";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const channels = new Map<string, SseChannel>();
    const channelAt = (path: string): SseChannel => {
      let channel = channels.get(path);
      if (channel === undefined) {
        channel = new SseChannel({
          history: history.map((data, index) => ({ id: index + 1, data })),
          historySize: Math.max(1, history.length),
          ...(heartbeat !== undefined && { pingInterval: heartbeat }),
        });
        channels.set(path, channel);
      }
      return channel;
    };
    const server = createServer((req, res) => channelAt(req.url ?? "/").addClient(req, res));
    return {
      port: await listen(server),
      cursor: "0",
      publish: (path, data) => channelAt(path).send({ data }),
    };
  },
};
