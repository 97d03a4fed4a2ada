import { adapterSuite, type Capabilities } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { noEarlierHeaders } from "../../../../examples/common/test/capabilities.ts";
import { findRuntime } from "./runtimes.ts";
import { inRuntime } from "./server.ts";

const workerd = findRuntime("workerd");
const api = { describe: describe.skipIf(workerd === undefined), test };
const capabilities: Capabilities = {
  closeWhileIdle: { missing: "workerd takes a FIN for half a goodbye: it is the next write that finds out." },
  halfClose: { missing: "workerd goes on sending to a client that has closed its half." },
  pipelining: { missing: "workerd begins with a request when the answer to the one before is over." },
};

adapterSuite(api, {
  name: "toResponse",
  start: inRuntime("workerd", workerd, "toResponse"),
  capabilities: { ...capabilities, ...noEarlierHeaders },
});
adapterSuite(api, { name: "hono", start: inRuntime("workerd", workerd, "hono"), capabilities });
