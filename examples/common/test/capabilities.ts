import type { Capabilities } from "@holdfast/conformance";

/** Capabilities of a handler on Node that gets a `Request` and nothing else. */
export const requestCapabilities: Capabilities = {
  admissionInTurn: { missing: "A Request does not say whether its response has the connection." },
  ...(Number.parseInt(process.versions.node) < 24 && {
    pipelining: { missing: "Before Node 24, a waiting pipelined response does not detect a disconnect." },
  }),
};

/** Capabilities of a handler that returns a complete `Response` and has no middleware before it. */
export const noEarlierHeaders: Capabilities = {
  earlierHeaders: { missing: "The handler returns a complete Response; no middleware runs before it." },
};
