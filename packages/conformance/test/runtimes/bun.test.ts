import { adapterSuite, type Capabilities } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { noEarlierHeaders } from "../support/capabilities.ts";
import { findRuntime } from "./runtimes.ts";
import { inRuntime } from "./server.ts";

const bun = findRuntime("bun");
const api = { describe: describe.skipIf(bun === undefined), test };
const capabilities: Capabilities = {
  pipelining: { missing: "Bun cuts a connection whose client asks again before the answer is over." },
};

adapterSuite(api, {
  name: "toResponse",
  start: inRuntime("bun", bun, "toResponse"),
  capabilities: { ...capabilities, ...noEarlierHeaders },
});
adapterSuite(api, { name: "hono", start: inRuntime("bun", bun, "hono"), capabilities });
