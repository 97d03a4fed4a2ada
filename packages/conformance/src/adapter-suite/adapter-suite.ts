import type { AdapterUnderTest } from "../harness/adapter.ts";
import { createSuite, type Suite } from "../harness/suite.ts";
import type { Runner, Test } from "../runner.ts";
import { backPressure } from "./back-pressure.ts";
import { bareSourceCleanup } from "./bare-source-cleanup.ts";
import { bareSources } from "./bare-sources.ts";
import { clientDisconnect } from "./client-disconnect.ts";
import { connectionReuse } from "./connection-reuse.ts";
import { delivery } from "./delivery.ts";
import { drain } from "./drain.ts";
import { earlierHeaders } from "./earlier-headers.ts";
import { earlyErrors } from "./early-errors.ts";
import { emptyResponses } from "./empty-responses.ts";
import { endOrCut } from "./end-or-cut.ts";
import { handshake } from "./handshake.ts";
import { heartbeats } from "./heartbeats.ts";
import { keys } from "./keys.ts";
import { latestValues } from "./latest-values.ts";
import { multiplex } from "./multiplex.ts";
import { pipelinedRequests } from "./pipelined-requests.ts";
import { request } from "./request.ts";
import { resume } from "./resume.ts";
import { sharedFrames } from "./shared-frames.ts";
import { sink } from "./sink.ts";
import { streamEnd } from "./stream-end.ts";

/** What an adapter MUST do, by topic: the name of each test is a requirement. */
const TOPICS: readonly (readonly [topic: string, addTests: (suite: Suite) => void])[] = [
  ["request", request],
  ["handshake", handshake],
  ["response without a stream", emptyResponses],
  ["error before the response", earlyErrors],
  ["headers that were set before", earlierHeaders],
  ["delivery", delivery],
  ["shared frames", sharedFrames],
  ["resume", resume],
  ["end of a stream", streamEnd],
  ["bare source", bareSources],
  ["end or cut", endOrCut],
  ["heartbeats", heartbeats],
  ["drain", drain],
  ["keys", keys],
  ["latest values", latestValues],
  ["multiplex", multiplex],
  ["back-pressure", backPressure],
  ["sink", sink],
  ["disconnect", clientDisconnect],
  ["disconnect from a bare source", bareSourceCleanup],
  ["connection reuse", connectionReuse],
  ["pipelined requests", pipelinedRequests],
];

/**
 * Tests what every adapter MUST do, with any test runner. The suite sends raw HTTP to a real port, so neither a client
 * library nor the adapter can hide a fault.
 *
 * @param api the functions of the runner. A test takes some milliseconds; before it fails it waits up to ten seconds.
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
    reportMissingCapabilities(api, adapter);
    for (const [topic, addTests] of TOPICS) {
      const tests: Parameters<Test>[] = [];
      addTests(createSuite((...args) => tests.push(args), adapter));
      // Some runners reject a group without tests.
      if (tests.length > 0) api.describe(topic, () => tests.forEach((args) => api.test(...args)));
    }
  });
}

function reportMissingCapabilities(
  { describe, test }: Runner,
  { capabilities = {} }: AdapterUnderTest,
): void {
  const { skip } = test;
  const missing = Object.entries(capabilities).flatMap(([name, capability]) =>
    capability === true ? [] : [`${name}: ${capability.missing}`],
  );
  if (skip === undefined || missing.length === 0) return;
  describe("missing capabilities", () => {
    for (const name of missing) skip(name, async () => undefined);
  });
}
