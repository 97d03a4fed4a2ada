import type { AdapterUnderTest, Answer, Capabilities, Exchange, Listening } from "@holdfast/conformance";
import { afterAll, beforeAll, describe } from "vitest";
import { hono } from "../adapters/hono.ts";
import { nodeHttp1 } from "../adapters/node-http.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";
import { caddy } from "./caddy.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import { adapt } from "./page.ts";
import { type Proxy, type RunningProxy, startProxy } from "./proxy.ts";

const ANY: Capabilities = {
  direct: { missing: "A proxy has its own buffers." },
  pipelining: { missing: "A proxy forwards pipelined requests one at a time." },
  leavingBeforeAnswer: { missing: "A client may leave before the proxy has forwarded its request." },
};

/** Adapters do what they do behind a proxy too: one for all of the suite, since it takes its time to start. */
function conforming(proxy: Proxy, adapters: readonly AdapterUnderTest[], capabilities: Capabilities): void {
  describe.skipIf(proxy.program === undefined).each(adapters)(
    `behind ${proxy.name}`,
    ({ start, ...adapter }) => {
      let app: Listening;
      let running: RunningProxy;
      let answer: Answer;
      beforeAll(async () => {
        app = await start((exchange: Exchange) => answer(exchange));
        running = await startProxy(proxy, app.port);
      });
      afterAll(async () => {
        await running.close();
        await app.close();
      });

      quietAdapterSuite({
        ...adapter,
        capabilities,
        async start(next) {
          answer = next;
          return { port: running.port, close: async () => undefined };
        },
      });
    },
  );
}

conforming(haproxy, [nodeHttp1], ANY);
conforming(caddy, [hono], {
  ...ANY,
  visibleCut: { missing: "Caddy ends a response that was cut as if it were complete." },
});
conforming(
  {
    ...nginx,
    // It keeps that header to itself, and the suite looks for it; where the suite writes by itself there is none.
    configure: (place, settings) =>
      adapt(nginx.configure(place, settings), [
        [
          "proxy_http_version",
          "proxy_buffering off; proxy_pass_header x-accel-buffering; proxy_http_version",
        ],
      ]),
  },
  [nodeHttp1, hono],
  ANY,
);
