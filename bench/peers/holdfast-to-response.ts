import { createAdaptorServer } from "@hono/node-server";
import { toResponse } from "@holdfast/core";
import { createHouse } from "./holdfast.ts";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

export const peer: Peer = {
  async start(options) {
    const house = await createHouse(options);
    const server = createAdaptorServer({
      fetch: (request) => toResponse(request, house.sourceOf(new URL(request.url).pathname)),
    });
    return { ...house, port: await listen(server) };
  },
};
