import { createServer, type ServerResponse } from "node:http";
import { ClientsByPath } from "./clients-by-path.ts";
import { eventsAfter, frame, HEADERS, HEARTBEAT } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

/** The reference: node:http by hand, one Buffer shared by all clients, one timer. */
export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const clients = new ClientsByPath<ServerResponse>();
    const heartbeatBytes = Buffer.from(HEARTBEAT);
    const frames = history.map((data, index) => Buffer.from(frame(data, index + 1)));
    clients.startHeartbeats(heartbeat, (res) => res.write(heartbeatBytes));

    const server = createServer((req, res) => {
      res.writeHead(200, HEADERS);
      res.write(heartbeatBytes);
      for (const bytes of eventsAfter(frames, req.headers["last-event-id"]?.toString())) res.write(bytes);
      res.on("close", clients.add(req.url ?? "/", res));
    });

    return {
      port: await listen(server),
      cursor: "0",
      publish(path, data) {
        const bytes = Buffer.from(frame(data));
        for (const res of clients.at(path)) res.write(bytes);
      },
    };
  },
};
