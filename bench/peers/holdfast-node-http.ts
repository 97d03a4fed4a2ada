import { createServer } from "node:http";
import { sse } from "@holdfast/node-http";
import { listen } from "./listen.ts";
import { createPeerRegistry } from "./peer-registry.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start(options) {
    const registry = await createPeerRegistry(options);
    const server = createServer((req, res) => void sse(req, res, registry.sourceOf(req.url ?? "/")));
    return { ...registry, port: await listen(server) };
  },
};
