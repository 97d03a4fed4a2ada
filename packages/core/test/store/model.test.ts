import fc from "fast-check";
import { expect, test } from "vitest";
import * as core from "../../src/index.ts";
import { faultyHistories, type History, lossyHistories, peacefulHistories } from "./history.ts";
import { live } from "./world.ts";

const numRuns = Number(process.env["HOLDFAST_RUNS"] ?? 1_000);

test.each([
  ["hints are lost", peacefulHistories, 0.2],
  ["calls fail and processes die", faultyHistories, 0.5],
  ["the store loses what it had", lossyHistories, 0.3],
])(
  "random histories in which %s lose, double and leak nothing",
  async (_, histories, part) => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        await live(core, history);
      }),
      { numRuns: Math.ceil(numRuns * part) },
    );
    expect.assertions(0);
  },
  600_000,
);

test("a replica that is forgotten while a client who knows more makes it look is not given to that client", async () => {
  const stream = { stream: 0, registry: 0 };
  const history: History = {
    durability: "local",
    steps: [
      { do: "open", ...stream },
      { do: "connect", witness: 0, registry: 1, fresh: true },
      { do: "calls", registry: 1, fates: ["well", "late"] },
      { do: "connect", witness: 0, registry: 0, fresh: true },
      { do: "push", ...stream, count: 5 },
      { do: "open", ...stream },
      { do: "connect", witness: 0, registry: 1, fresh: false },
      { do: "pass", ms: 16_000 },
    ],
    seed: 361_251_461,
  };
  await live(core, history);
  expect.assertions(0);
});
