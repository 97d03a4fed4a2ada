import { createServer } from "node:http";
import { sse } from "@holdfast/express";
import express from "express";
import { createHouse } from "./holdfast.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start(options) {
    const house = await createHouse(options);
    const app = express();
    app.get("/:channel", (req, res) => sse(req, res, house.sourceOf(req.path)));
    return { ...house, port: await listen(createServer(app)) };
  },
};
