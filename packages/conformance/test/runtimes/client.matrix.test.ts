import { describe, expect, test } from "vitest";
import { throughConnect } from "../client/faces.ts";
import { produce, randomCuts } from "../client/hardship.ts";
import { openOrigin } from "../event-source/origin.ts";
import { layWire, type Wire } from "../event-source/wire.ts";
import { describeInChromium } from "../support/chromium.ts";
import { seededRandom } from "../support/seeded.ts";
import { watchedRegistry } from "../support/watched-registry.ts";
import { type FollowIn, inProcess, inWorker } from "./client-in.ts";
import { findRuntime } from "./runtimes.ts";

const EVENTS = 500;
const CUTS = 20;

function suite(follow: FollowIn): void {
  test("connect hands out every event once, wherever it was cut, and comes to its end", async () => {
    const random = seededRandom();
    const { registry, watch } = watchedRegistry();
    const job = await registry.open("job");
    const { port } = await openOrigin(() => registry.stream("job"));
    const wire: Wire = await layWire(
      port,
      randomCuts(CUTS, random, () => wire),
    );
    const [followed, pushed] = await Promise.all([
      follow(throughConnect, `http://127.0.0.1:${wire.port}/`),
      produce(job, EVENTS, random),
    ]);
    expect(followed).toMatchObject({ resets: [], state: { status: "closed", reason: "done" } });
    expect(followed.events).toEqual(pushed);
    expect(watch.resets).toEqual([]);
    expect(wire.cuts).toBe(CUTS);
  });
}

const bun = findRuntime("bun");
const deno = findRuntime("deno");
describe.skipIf(bun === undefined)("in Bun", () => suite(inProcess(bun, "--eval")));
describe.skipIf(deno === undefined)("in Deno", () => suite(inProcess(deno, "eval", "--ext=js")));
describeInChromium("in a worker of Chromium", (page) => suite(inWorker(page)));
