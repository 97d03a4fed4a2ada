import { createServer, type Socket } from "node:net";
import { ClientsByPath } from "./clients-by-path.ts";
import { eventsAfter, frame, HEARTBEAT } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

const HEAD = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\r\n${HEARTBEAT}`;

/** The upper bound for Node: no HTTP parser, and a body that ends with its connection. */
export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const clients = new ClientsByPath<Socket>();
    const head = Buffer.from(HEAD);
    const heartbeatBytes = Buffer.from(HEARTBEAT);
    const frames = history.map((data, index) => Buffer.from(frame(data, index + 1)));
    clients.startHeartbeats(heartbeat, (socket) => socket.write(heartbeatBytes));

    const server = createServer({ noDelay: true }, (socket) => {
      socket.on("error", () => socket.destroy());
      socket.once("data", (request) => {
        const text = request.toString("latin1");
        const path = text.slice(4, text.indexOf(" ", 4));
        // Without corking, each write would be a system call.
        socket.cork();
        socket.write(head);
        for (const bytes of eventsAfter(frames, /last-event-id: (\d+)/i.exec(text)?.[1])) socket.write(bytes);
        socket.uncork();
        socket.on("close", clients.add(path, socket));
      });
    });

    return {
      port: await listen(server),
      cursor: "0",
      publish(path, data) {
        const bytes = Buffer.from(frame(data));
        for (const socket of clients.at(path)) socket.write(bytes);
      },
    };
  },
};
