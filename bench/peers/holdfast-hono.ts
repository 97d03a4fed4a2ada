import { createAdaptorServer } from "@hono/node-server";
import { sse } from "@holdfast/hono";
import { Hono } from "hono";
import { listen } from "./listen.ts";
import { createPeerRegistry } from "./peer-registry.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start(options) {
    const registry = await createPeerRegistry(options);
    const app = new Hono();
    app.get("/:channel", (c) => sse(c, registry.sourceOf(c.req.path)));
    return { ...registry, port: await listen(createAdaptorServer(app)) };
  },
};
