import { describe, expect, test } from "vitest";
import { onExpress5 } from "../adapters/express.ts";
import { hono } from "../adapters/hono.ts";
import { nodeHttp1 } from "../adapters/node-http.ts";
import { layWire, type Wire } from "../event-source/wire.ts";
import { describeInChromium } from "../support/chromium.ts";
import { seededRandom } from "../support/seeded.ts";
import { serving } from "../support/start.ts";
import { watchedRegistry } from "../support/watched-registry.ts";
import { throughConnect, throughEventSource } from "./faces.ts";
import { type Follow, inNode, inPage } from "./follow.ts";
import { produce, randomCuts } from "./hardship.ts";

const EVENTS = 1_000;
const CUTS = 40;
const timeout = 20_000;

const urlOf = ({ port }: Wire): string => `http://127.0.0.1:${port}/`;

function suite(follow: Follow): void {
  const faces = [
    { face: "connect", through: throughConnect },
    { face: "ResilientEventSource", through: throughEventSource },
  ];
  describe.each([nodeHttp1, onExpress5, hono])("$name", (adapter) => {
    test.each(faces)(
      "$face hands out every event once, wherever it was cut",
      { timeout },
      async ({ through }) => {
        const random = seededRandom();
        const { registry, watch } = watchedRegistry();
        const job = await registry.open("job");
        const { port } = await serving(adapter, () => registry.stream("job"));
        const wire: Wire = await layWire(
          port,
          randomCuts(CUTS, random, () => wire),
        );
        const { over } = await follow(through, urlOf(wire));
        const [followed, pushed] = await Promise.all([over, produce(job, EVENTS, random)]);
        expect(followed).toMatchObject({ resets: [], state: { status: "closed", reason: "done" } });
        expect(followed.events).toEqual(pushed);
        expect(watch.resets).toEqual([]);
        expect(wire.cuts).toBe(CUTS);
        const [first, ...others] = wire.requests;
        expect(first).not.toMatch(/last-event-id/i);
        expect(others).toHaveLength(CUTS);
        const resumed = new RegExp(`^last-event-id: ${job.epoch}\\.`, "im");
        for (const request of others) expect(request).toMatch(resumed);
      },
    );
  });

  test("a response that is cut in its headers is lost, and no answer", { timeout }, async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    const id = job.push({ event: "note", data: "after all" });
    await job.end();
    const { port } = await serving(nodeHttp1, () => registry.stream("job"));
    const wire: Wire = await layWire(port, (come) => {
      const at = 7 * wire.cuts;
      return at < come.indexOf("\r\n\r\n") + 4 ? at : undefined;
    });
    const { over } = await follow(throughConnect, urlOf(wire));
    const { events, state } = await over;
    expect(state).toMatchObject({ status: "closed", reason: "done" });
    expect(events).toEqual([{ id, event: "note", data: "after all" }]);
    expect(wire.cuts).toBeGreaterThan(20);
  });
}

describe("in Node", () => suite(inNode));
describeInChromium("in Chromium", (page) => suite(inPage(page)));
