import { createServer, type ServerResponse } from "node:http";
import { Audience } from "./audience.ts";
import { frame, HEADERS, HEARTBEAT, missed } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

/** The reference: node:http by hand, one shared Buffer for all, one timer. */
export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const audience = new Audience<ServerResponse>();
    const beat = Buffer.from(HEARTBEAT);
    const past = history.map((data, index) => Buffer.from(frame(data, index + 1)));
    audience.keepAlive(heartbeat, (res) => res.write(beat));

    const server = createServer((req, res) => {
      res.writeHead(200, HEADERS);
      res.write(beat);
      for (const bytes of missed(past, req.headers["last-event-id"]?.toString())) res.write(bytes);
      res.on("close", audience.join(req.url ?? "/", res));
    });

    return {
      port: await listen(server),
      cursor: "0",
      publish(path, data) {
        const bytes = Buffer.from(frame(data));
        for (const res of audience.at(path)) res.write(bytes);
      },
    };
  },
};
