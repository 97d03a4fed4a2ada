import { createAdaptorServer } from "@hono/node-server";
import { sse } from "@holdfast/hono";
import { Hono } from "hono";
import { createHouse } from "./holdfast.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start(options) {
    const house = await createHouse(options);
    const app = new Hono();
    app.get("/:channel", (c) => sse(c, house.sourceOf(c.req.path)));
    return { ...house, port: await listen(createAdaptorServer(app)) };
  },
};
