import { createServer } from "node:http";
import { sse } from "@holdfast/node-http";
import { createHouse } from "./holdfast.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start(options) {
    const house = await createHouse(options);
    const server = createServer((req, res) => void sse(req, res, house.sourceOf(req.url ?? "/")));
    return { ...house, port: await listen(server) };
  },
};
