import type { Capabilities } from "@holdfast/conformance";

export const http2: Capabilities = {
  halfClose: { missing: "A request of HTTP/2 closes its half of the stream when it has been sent." },
};

/** Of what hears from Node's response alone that its client has gone. */
export const heardFromResponse: Capabilities =
  Number.parseInt(process.versions.node) > 22
    ? {}
    : {
        pipelining: {
          missing: "Up to Node 22 no response hears, before its turn, that its connection is gone.",
        },
      };

/** Of what gives whole responses, and has no middleware. */
export const noEarlierHeaders: Capabilities = {
  earlierHeaders: { missing: "Nothing runs before the handler: a Response has all its headers." },
};
