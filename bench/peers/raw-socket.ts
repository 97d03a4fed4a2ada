import { createServer, type Socket } from "node:net";
import { Audience } from "./audience.ts";
import { frame, HEARTBEAT, missed } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

const HEAD = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\r\n${HEARTBEAT}`;

/** What Node can do at most: no HTTP parser, a body that ends with its connection. */
export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const audience = new Audience<Socket>();
    const head = Buffer.from(HEAD);
    const beat = Buffer.from(HEARTBEAT);
    const past = history.map((data, index) => Buffer.from(frame(data, index + 1)));
    audience.keepAlive(heartbeat, (socket) => socket.write(beat));

    const server = createServer({ noDelay: true }, (socket) => {
      socket.on("error", () => socket.destroy());
      socket.once("data", (request) => {
        const text = request.toString("latin1");
        const path = text.slice(4, text.indexOf(" ", 4));
        // Else each write is a system call.
        socket.cork();
        socket.write(head);
        for (const bytes of missed(past, /last-event-id: (\d+)/i.exec(text)?.[1])) socket.write(bytes);
        socket.uncork();
        socket.on("close", audience.join(path, socket));
      });
    });

    return {
      port: await listen(server),
      cursor: "0",
      publish(path, data) {
        const bytes = Buffer.from(frame(data));
        for (const socket of audience.at(path)) socket.write(bytes);
      },
    };
  },
};
