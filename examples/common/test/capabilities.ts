import type { Capabilities } from "@holdfast/conformance";

/** Capabilities of an adapter that learns only from Node's response that its client has disconnected. */
export const nodeResponseCapabilities: Capabilities =
  Number.parseInt(process.versions.node) > 23
    ? {}
    : {
        pipelining: {
          missing: "Before Node 24, a waiting pipelined response does not detect a disconnect.",
        },
      };

/** Capabilities of a handler on Node that gets a `Request` and nothing else. */
export const requestCapabilities: Capabilities = {
  ...nodeResponseCapabilities,
  admissionInTurn: { missing: "A Request does not say whether its response has the connection." },
};

/** Capabilities of a handler that returns a complete `Response` and has no middleware before it. */
export const noEarlierHeaders: Capabilities = {
  earlierHeaders: { missing: "The handler returns a complete Response; no middleware runs before it." },
};
