import {
  adapterSuite,
  type Answer,
  type Capabilities,
  type Exchange,
  type Listening,
} from "@holdfast/conformance";
import { afterAll, beforeAll, describe, test } from "vitest";
import { hono } from "../adapters/hono.ts";
import { nodeHttp1 } from "../adapters/node-http.ts";
import { type Proxy, type RunningProxy, startProxy } from "./proxy.ts";

/** What adapters do is what they do behind a proxy: one for all of the suite, since it takes its time to start. */
export function conforming(proxy: Proxy, capabilities: Capabilities = {}): void {
  describe.skipIf(proxy.program === undefined).each([nodeHttp1, hono])(
    `behind ${proxy.name}`,
    ({ name, start }) => {
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

      adapterSuite(
        { describe, test },
        {
          name,
          capabilities: {
            pipelining: { missing: "It sends on one request after the other." },
            leavingBeforeAnswer: { missing: "It may not have sent the request on yet." },
            ...capabilities,
          },
          async start(next) {
            answer = next;
            return { port: running.port, close: async () => undefined };
          },
        },
      );
    },
  );
}
