import { toResponse } from "@holdfast/core";
import { DirectClient } from "../clients/direct.ts";
import { type Adapter, refusalOf } from "./adapter.ts";

/** What every fetch runtime calls, without one. */
export const direct: Adapter = {
  name: "toResponse",
  leavings: ["cut", "reset"],
  signalled: ["cut"],
  ownHeaders: [],
  reuses: false,
  earlierHeaders: false,
  async listen(handle) {
    const clients = new Set<DirectClient>();
    const answer = async (request: Request): Promise<Response> => {
      const body = await request.text();
      try {
        const response = await handle({
          body,
          sse: (source, options) => toResponse(request, source, options),
        });
        return response as Response;
      } catch (error) {
        return new Response(refusalOf(error), { status: 500 });
      }
    };
    return {
      port: 0,
      send(request) {
        const client = new DirectClient(answer, request);
        clients.add(client);
        return client;
      },
      clients: () => [...clients].filter(({ state }) => state === "open").length,
      // A reader that has stopped takes nothing; what a web stream keeps for it is its own affair.
      outbox: (client) => ({ bytes: 0, full: (client as DirectClient).paused }),
      close: async () => undefined,
    };
  },
};
