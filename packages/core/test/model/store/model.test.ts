// Covers src/store as a whole: random histories of three processes that share a store.

import fc from "fast-check";
import { expect, test } from "vitest";
import * as core from "../../../src/index.ts";
import { histories, type History, type Step } from "./history.ts";
import { run } from "./simulation.ts";

const numRuns = Number(process.env["HOLDFAST_RUNS"] ?? 500);

test.each(histories)(
  "registries that share a store lose, duplicate and leak nothing in random histories in which %s",
  async (_, arbitrary, share) => {
    await fc.assert(
      fc.asyncProperty(arbitrary, async (history) => {
        await run(core, history);
      }),
      { numRuns: Math.ceil(numRuns * share) },
    );
    expect.assertions(0);
  },
  600_000,
);

test("a client that is ahead of a replica is not served by that replica if it was forgotten during the read", async () => {
  const stream = { stream: 0, process: 0 };
  const history: History = {
    durability: "local",
    hasMarker: true,
    steps: [
      { do: "open", ...stream },
      { do: "connect", client: 0, process: 1, withoutCursor: true },
      { do: "set call fates", process: 1, fates: ["ok", "late"] },
      { do: "connect", client: 0, process: 0, withoutCursor: true },
      { do: "push", ...stream, count: 5 },
      { do: "open", ...stream },
      { do: "connect", client: 0, process: 1, withoutCursor: false },
      { do: "advance", ms: 16_000 },
    ],
    seed: 361_251_461,
  };
  await run(core, history);
  expect.assertions(0);
});

test("readers that wait for the stored end of a stream are moved when it was continued elsewhere, however late", async () => {
  const stream = { stream: 0, isRetried: false };
  const history: History = {
    durability: "stored",
    hasMarker: true,
    steps: [
      { do: "connect", client: 0, process: 1, withoutCursor: true },
      { do: "open", process: 1, ifExists: "throw", ...stream },
      { do: "open", process: 0, ifExists: "append", ...stream },
      { do: "set call fates", process: 1, fates: ["hanging"] },
      { do: "cancel", stream: 0, process: 1, grace: 0 },
      { do: "open", process: 1, ifExists: "replace", ...stream },
    ],
    seed: 0,
  };
  await run(core, history);
  expect.assertions(0);
});

test("an open that is repeated after an unanswered continuation does not begin a new life in the same epoch", async () => {
  const stream = { stream: 0, process: 0, isRetried: false };
  const steps: Step[] = [
    { do: "open", ifExists: "throw", ...stream },
    { do: "set call fates", process: 0, fates: ["ok", "rejected", "reply lost", "late", "hanging"] },
    { do: "push", stream: 0, process: 0, count: 1 },
    { do: "advance", ms: 16_000 },
    { do: "open", ifExists: "append", ...stream },
    { do: "flush store" },
    { do: "open", ifExists: "append", ...stream },
  ];
  for (let seed = 0; seed < 50; seed++)
    await run(core, { durability: "local", hasMarker: false, steps, seed });
  expect.assertions(0);
});
