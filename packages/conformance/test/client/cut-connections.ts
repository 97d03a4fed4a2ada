import { describe, expect, test } from "vitest";
import { onExpress5 } from "../adapters/express.ts";
import { hono } from "../adapters/hono.ts";
import { nodeHttp1 } from "../adapters/node-http.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { serveSource } from "../support/serve-source.ts";
import { testRegistry } from "../support/test-registry.ts";
import { readWithConnect, readWithEventSource } from "./client-apis.ts";
import { pushRandomEvents, randomCuts } from "./random-stream.ts";
import type { ReadStream } from "./read-stream.ts";

const EVENTS = 1_000;
const CUTS = 40;

const urlOf = ({ port }: CuttingProxy): string => `http://127.0.0.1:${port}/`;

/** A client receives every event once, wherever its connections are cut. */
export function cutConnectionsSuite(readStream: ReadStream): void {
  const apis = [
    { name: "connect", api: readWithConnect },
    { name: "ResilientEventSource", api: readWithEventSource },
  ];
  describe.each([nodeHttp1, onExpress5, hono])("$name", (adapter) => {
    test.each(apis)("$name delivers every event once, wherever a connection is cut", async ({ api }) => {
      const random = seededRandom();
      const { registry, recorded } = testRegistry();
      const job = await registry.open("job");
      const { port } = await serveSource(adapter, () => registry.stream("job"));
      const proxy: CuttingProxy = await startCuttingProxy(
        port,
        randomCuts(CUTS, random, () => proxy),
      );
      const { finished } = await readStream(api, urlOf(proxy));
      const [received, pushed] = await Promise.all([finished, pushRandomEvents(job, EVENTS, random)]);
      expect(received).toMatchObject({ resets: [], state: { status: "closed", reason: "done" } });
      expect(received.events).toEqual(pushed);
      expect(recorded.resets).toEqual([]);
      expect(proxy.cuts).toBe(CUTS);
      const [first, ...others] = proxy.requests;
      expect(first).not.toMatch(/last-event-id/i);
      expect(others).toHaveLength(CUTS);
      const resumed = new RegExp(`^last-event-id: ${job.epoch}\\.`, "im");
      for (const request of others) expect(request).toMatch(resumed);
    });
  });

  test("a connection that is cut in the response headers is retried", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const id = job.push({ event: "note", data: "after all" });
    await job.end();
    const { port } = await serveSource(nodeHttp1, () => registry.stream("job"));
    const proxy: CuttingProxy = await startCuttingProxy(port, (received) => {
      const position = 7 * proxy.cuts;
      return position < received.indexOf("\r\n\r\n") + 4 ? position : undefined;
    });
    const { finished } = await readStream(readWithConnect, urlOf(proxy));
    const { events, state } = await finished;
    expect(state).toMatchObject({ status: "closed", reason: "done" });
    expect(events).toEqual([{ id, event: "note", data: "after all" }]);
    expect(proxy.cuts).toBeGreaterThan(20);
  });
}
