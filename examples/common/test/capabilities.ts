import type { Capabilities } from "@holdfast/conformance";

/** Of what hears from Node's response alone that its client has gone. */
export const heardFromResponse: Capabilities =
  Number.parseInt(process.versions.node) > 23
    ? {}
    : {
        pipelining: {
          missing: "Before Node 24, a waiting pipelined response does not detect a disconnect.",
        },
      };

/** Of what gives whole responses, and has no middleware. */
export const noEarlierHeaders: Capabilities = {
  earlierHeaders: { missing: "The handler returns a complete Response; no middleware runs before it." },
};
