import type { StreamWriter } from "@holdfast/core";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { onExpress5 } from "../adapters/express.ts";
import { hono } from "../adapters/hono.ts";
import { nodeHttp1 } from "../adapters/node-http.ts";
import { type Cut, layWire, type Wire } from "../event-source/wire.ts";
import { describeInChromium } from "../support/chromium.ts";
import { seededRandom } from "../support/seeded.ts";
import { serving } from "../support/start.ts";
import { watchedRegistry } from "../support/watched-registry.ts";
import { type Followed, throughConnect, throughEventSource } from "./faces.ts";
import { type Follow, inNode, inPage } from "./follow.ts";

const EVENTS = 1_000;
const CUTS = 40;
/** The most bytes that a connection lives for: so few that no connection sees more than a part of the stream. */
const LIFE = 2_500;
/** How many events a burst has, more or less. */
const BURST = 15;
const timeout = 20_000;

const urlOf = ({ port }: Wire): string => `http://127.0.0.1:${port}/`;

/** Pushes in bursts. Returns what everybody should get. */
async function produce(
  job: StreamWriter<Record<string, unknown>>,
  random: () => number,
): Promise<Followed["events"]> {
  const pushed: Followed["events"] = [];
  const push = (event: string, data: unknown): void =>
    void pushed.push({ id: job.push({ event, data }), event, data });
  for (let number = 0; number < EVENTS; number++) {
    if (random() < 0.3) push("note", "zwölf\n€uro 🙂".repeat(1 + 10 * random()));
    else push("step", { number });
    // The pace of a producer.
    if (random() < 1 / BURST) await pause(1);
  }
  await job.end();
  return pushed;
}

/** Cuts each connection at a random byte of its body; the first one behind what made its client live. */
function randomCuts(random: () => number, wire: () => Wire): Cut {
  let drawn = -1;
  let at = 0;
  return (come) => {
    const { cuts } = wire();
    if (cuts === CUTS) return undefined;
    if (drawn !== cuts) at = Math.floor(LIFE * random());
    drawn = cuts;
    const start = come.search(cuts === 0 ? /id: \w+\.1\n/ : /(?<=\r\n\r\n)/);
    return start === -1 ? undefined : start + at;
  };
}

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
          randomCuts(random, () => wire),
        );
        const { over } = await follow(through, urlOf(wire));
        const [followed, pushed] = await Promise.all([over, produce(job, random)]);
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
