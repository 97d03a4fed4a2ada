import { describe, expect, test } from "vitest";
import { readWithConnect } from "../client/client-apis.ts";
import { pushRandomEvents, randomCuts } from "../client/random-stream.ts";
import { startStreamServer } from "../support/stream-server.ts";
import { startCuttingProxy, type CuttingProxy } from "../support/cutting-proxy.ts";
import { describeInChromium } from "../support/chromium.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { testRegistry } from "../support/test-registry.ts";
import { type ReadInRuntime, inProcess, inWorker } from "./read-in-runtime.ts";
import { findRuntime } from "./find-runtime.ts";

const EVENTS = 500;
const CUTS = 20;

function suite(readIn: ReadInRuntime): void {
  test("connect delivers every event once, wherever a connection is cut, and then ends", async () => {
    const random = seededRandom();
    const { registry, recorded } = testRegistry();
    const job = await registry.open("job");
    const { port } = await startStreamServer(() => registry.stream("job"));
    const proxy: CuttingProxy = await startCuttingProxy(
      port,
      randomCuts(CUTS, random, () => proxy),
    );
    const [received, pushed] = await Promise.all([
      readIn(readWithConnect, `http://127.0.0.1:${proxy.port}/`),
      pushRandomEvents(job, EVENTS, random),
    ]);
    expect(received).toMatchObject({ resets: [], state: { status: "closed", reason: "done" } });
    expect(received.events).toEqual(pushed);
    expect(recorded.resets).toEqual([]);
    expect(proxy.cuts).toBe(CUTS);
  });
}

const bun = findRuntime("bun");
const deno = findRuntime("deno");
describe.skipIf(bun === undefined)("in Bun", () => suite(inProcess(bun, "--eval")));
describe.skipIf(deno === undefined)("in Deno", () => suite(inProcess(deno, "eval", "--ext=js")));
describeInChromium("in a worker of Chromium", (page) => suite(inWorker(page)));
