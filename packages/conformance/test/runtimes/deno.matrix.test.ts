import { adapterSuite, type Capabilities } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { noEarlierHeaders } from "../../../../examples/common/test/capabilities.ts";
import { findRuntime } from "./find-runtime.ts";
import { inRuntime } from "./runtime-server.ts";

const deno = findRuntime("deno");
const api = { describe: describe.skipIf(deno === undefined), test };
const capabilities: Capabilities = {
  pipelining: { missing: "Deno starts a request when the previous response on the connection has ended." },
};

adapterSuite(api, {
  name: "toResponse",
  start: inRuntime("deno", deno, "toResponse"),
  capabilities: { ...capabilities, ...noEarlierHeaders },
});
adapterSuite(api, { name: "hono", start: inRuntime("deno", deno, "hono"), capabilities });
