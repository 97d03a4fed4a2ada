import type { Server } from "node:net";
import { type AdapterUnderTest, listen } from "@holdfast/conformance";
import { toResponse } from "@holdfast/core";
import { createAdaptorServer } from "@hono/node-server";
import { noEarlierHeaders, requestCapabilities } from "../../../../examples/common/test/capabilities.ts";

/** `toResponse`, which serves every fetch runtime, on a Node server. */
export const onNode: AdapterUnderTest = {
  name: "toResponse",
  capabilities: { ...requestCapabilities, ...noEarlierHeaders },
  start: (answer) =>
    listen(
      createAdaptorServer({
        async fetch(request) {
          try {
            const response = await answer({
              url: request.url,
              body: await request.text(),
              sse: (source, options) => toResponse(request, source, options),
            });
            return response as Response;
          } catch {
            return new Response(null, { status: 500 });
          }
        },
      }) as Server,
    ),
};
