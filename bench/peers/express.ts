import { createServer } from "node:http";
import express, { type Response } from "express";
import { ClientsByPath } from "./clients-by-path.ts";
import { eventsAfter, frame, HEADERS, HEARTBEAT } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

/** Written by hand as usual: text, one `res.write` per client. */
export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const clients = new ClientsByPath<Response>();
    const frames = history.map((data, index) => frame(data, index + 1));
    clients.startHeartbeats(heartbeat, (res) => res.write(HEARTBEAT));

    const app = express();
    app.get("/:channel", (req, res) => {
      res.set(HEADERS);
      res.flushHeaders();
      for (const text of eventsAfter(frames, req.get("last-event-id"))) res.write(text);
      res.on("close", clients.add(req.path, res));
    });

    return {
      port: await listen(createServer(app)),
      cursor: "0",
      publish(path, data) {
        const text = frame(data);
        for (const res of clients.at(path)) res.write(text);
      },
    };
  },
};
