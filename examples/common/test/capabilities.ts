import type { Capabilities } from "@holdfast/conformance";

/** Of what hears from Node's response alone that its client has gone. */
export const heardFromResponse: Capabilities =
  Number.parseInt(process.versions.node) > 23
    ? {}
    : {
        pipelining: {
          missing: "Before Node 24 no response hears, before its turn, that its client is gone.",
        },
      };

/** Of what gives whole responses, and has no middleware. */
export const noEarlierHeaders: Capabilities = {
  earlierHeaders: { missing: "Nothing runs before the handler: a Response has all its headers." },
};
