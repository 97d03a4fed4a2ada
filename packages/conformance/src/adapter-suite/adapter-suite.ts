import type { Runner, Test } from "../runner.ts";
import type { AdapterUnderTest } from "./adapter.ts";
import { answers } from "./behaviours/answers.ts";
import { backpressure } from "./behaviours/backpressure.ts";
import { bareSources } from "./behaviours/bare-sources.ts";
import { delivery } from "./behaviours/delivery.ts";
import { earlierHeaders } from "./behaviours/earlier-headers.ts";
import { ends } from "./behaviours/ends.ts";
import { farewells } from "./behaviours/farewells.ts";
import { heartbeats } from "./behaviours/heartbeats.ts";
import { leaving } from "./behaviours/leaving.ts";
import { lettingGo } from "./behaviours/letting-go.ts";
import { opening } from "./behaviours/opening.ts";
import { refusals } from "./behaviours/refusals.ts";
import { request } from "./behaviours/request.ts";
import { resuming } from "./behaviours/resuming.ts";
import { reuse } from "./behaviours/reuse.ts";
import { sharing } from "./behaviours/sharing.ts";
import { sink } from "./behaviours/sink.ts";
import { createSuite, type Suite } from "./suite.ts";

const BEHAVIOURS: readonly (readonly [name: string, behave: (suite: Suite) => void])[] = [
  ["is told of the request", request],
  ["begins, before any event exists,", opening],
  ["answers without a stream", answers],
  ["leaves to the framework's error handler", refusals],
  ["keeps the headers that were set before", earlierHeaders],
  ["delivers", delivery],
  ["gives one frame to many", sharing],
  ["resumes", resuming],
  ["ends a stream", ends],
  ["serves a bare source", bareSources],
  ["sends heartbeats", heartbeats],
  ["says farewell", farewells],
  ["feels backpressure", backpressure],
  ["has a sink that", sink],
  ["sees its client leave", leaving],
  ["lets a bare source go", lettingGo],
  ["keeps its connection", reuse],
];

/**
 * What every adapter must do, as tests of whichever runner: the specification of `serve`'s other side. It speaks raw HTTP
 * to a real port, and so trusts neither a client nor the adapter.
 *
 * @param api the runner's functions; each test takes some milliseconds, and waits for up to ten seconds until it fails
 *
 * @example
 * import { describe, test } from "vitest";
 *
 * adapterSuite({ describe, test }, {
 *   name: "node:http",
 *   start: (answer) => listen(createServer((req, res) => {
 *     answer({ url: req.url ?? "", sse: (source, options) => sse(req, res, source, options) }).catch(() => res.writeHead(500).end());
 *   })),
 * });
 */
export function adapterSuite(api: Runner, adapter: AdapterUnderTest): void {
  api.describe(adapter.name ?? "an adapter", () => {
    tellWhatIsMissing(api, adapter);
    for (const [name, behave] of BEHAVIOURS) {
      const tests: Parameters<Test>[] = [];
      behave(createSuite((...args) => tests.push(args), adapter));
      // Some runners take a group without tests for a mistake.
      if (tests.length > 0) api.describe(name, () => tests.forEach((args) => api.test(...args)));
    }
  });
}

function tellWhatIsMissing({ describe, test }: Runner, { capabilities = {} }: AdapterUnderTest): void {
  const { skip } = test;
  const missing = Object.entries(capabilities).flatMap(([name, capability]) =>
    capability === true ? [] : [`${name}: ${capability.missing}`],
  );
  if (skip === undefined || missing.length === 0) return;
  describe("is not held to", () => {
    for (const name of missing) skip(name, async () => undefined);
  });
}
