import { createServer } from "node:http";
import { sse } from "@holdfast/express";
import express from "express";
import { listen } from "./listen.ts";
import { createPeerRegistry } from "./peer-registry.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start(options) {
    const registry = await createPeerRegistry(options);
    const app = express();
    app.get("/:channel", (req, res) => sse(req, res, registry.sourceOf(req.path)));
    return { ...registry, port: await listen(createServer(app)) };
  },
};
