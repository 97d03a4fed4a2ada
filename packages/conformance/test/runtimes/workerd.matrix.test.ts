import { adapterSuite, type Capabilities } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { noEarlierHeaders } from "../../../../examples/common/test/capabilities.ts";
import { findRuntime } from "./find-runtime.ts";
import { inRuntime } from "./runtime-server.ts";

const workerd = findRuntime("workerd");
const api = { describe: describe.skipIf(workerd === undefined), test };
const capabilities: Capabilities = {
  closeWhileIdle: {
    missing: "workerd treats a FIN as a half-close; the next write detects that the client is gone.",
  },
  halfClose: { missing: "workerd continues to send to a client that has half-closed its connection." },
  pipelining: { missing: "workerd starts a request when the previous response on the connection has ended." },
};

adapterSuite(api, {
  name: "toResponse",
  start: inRuntime("workerd", workerd, "toResponse"),
  capabilities: { ...capabilities, ...noEarlierHeaders },
});
adapterSuite(api, { name: "hono", start: inRuntime("workerd", workerd, "hono"), capabilities });
