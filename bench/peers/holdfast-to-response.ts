import { createAdaptorServer } from "@hono/node-server";
import { toResponse } from "@holdfast/core";
import { listen } from "./listen.ts";
import { createPeerRegistry } from "./peer-registry.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start(options) {
    const registry = await createPeerRegistry(options);
    const server = createAdaptorServer({
      fetch: (request) => toResponse(request, registry.sourceOf(new URL(request.url).pathname)),
    });
    return { ...registry, port: await listen(server) };
  },
};
