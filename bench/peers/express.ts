import { createServer } from "node:http";
import express, { type Response } from "express";
import { Audience } from "./audience.ts";
import { frame, HEADERS, HEARTBEAT, missed } from "./frame.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

/** As it is written by hand: text, one `res.write` for each client. */
export const peer: Peer = {
  async start({ heartbeat, history = [] }) {
    const audience = new Audience<Response>();
    const past = history.map((data, index) => frame(data, index + 1));
    audience.keepAlive(heartbeat, (res) => res.write(HEARTBEAT));

    const app = express();
    app.get("/:channel", (req, res) => {
      res.set(HEADERS);
      res.flushHeaders();
      for (const text of missed(past, req.get("last-event-id"))) res.write(text);
      res.on("close", audience.join(req.path, res));
    });

    return {
      port: await listen(createServer(app)),
      cursor: "0",
      publish(path, data) {
        const text = frame(data);
        for (const res of audience.at(path)) res.write(text);
      },
    };
  },
};
