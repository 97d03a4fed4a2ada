import type { AdapterUnderTest, Answer, Capabilities, Exchange, Listening } from "@holdfast/conformance";
import { afterAll, beforeAll, describe } from "vitest";
import { hono } from "../adapters/hono.ts";
import { nodeHttp1 } from "../adapters/node-http.ts";
import { quietAdapterSuite } from "../support/quiet-adapter-suite.ts";
import { caddy } from "./caddy.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import { adapt } from "./documented-config.ts";
import { type Proxy, type RunningProxy, startProxy } from "./proxy.ts";

const BEHIND_A_PROXY: Capabilities = {
  direct: { missing: "A proxy has its own buffers." },
  pipelining: { missing: "A proxy forwards pipelined requests one at a time." },
  leavingBeforeAnswer: { missing: "A client may leave before the proxy has forwarded its request." },
};

/** Runs the adapter suite behind a proxy. All tests share one proxy, because it is slow to start. */
function adapterSuiteBehind(
  proxy: Proxy,
  adapters: readonly AdapterUnderTest[],
  capabilities: Capabilities,
): void {
  describe.skipIf(proxy.program === undefined).each(adapters)(
    `behind ${proxy.name}`,
    ({ start, ...adapter }) => {
      let server: Listening;
      let running: RunningProxy;
      let currentAnswer: Answer;
      beforeAll(async () => {
        server = await start((exchange: Exchange) => currentAnswer(exchange));
        running = await startProxy(proxy, server.port);
      });
      afterAll(async () => {
        await running.close();
        await server.close();
      });

      quietAdapterSuite({
        ...adapter,
        capabilities,
        async start(answer) {
          currentAnswer = answer;
          return { port: running.port, close: async () => undefined };
        },
      });
    },
  );
}

adapterSuiteBehind(haproxy, [nodeHttp1], BEHIND_A_PROXY);
adapterSuiteBehind(caddy, [hono], {
  ...BEHIND_A_PROXY,
  visibleCut: { missing: "Caddy ends a response that was cut as if it were complete." },
});
adapterSuiteBehind(
  {
    ...nginx,
    // nginx removes this header, which the suite checks; and the raw sink of the suite does not set it.
    configure: (place, settings) =>
      adapt(nginx.configure(place, settings), [
        [
          "proxy_http_version",
          "proxy_buffering off; proxy_pass_header x-accel-buffering; proxy_http_version",
        ],
      ]),
  },
  [nodeHttp1, hono],
  BEHIND_A_PROXY,
);
