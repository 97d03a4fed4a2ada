import type { Capabilities } from "@holdfast/conformance";

export const bunCapabilities: Capabilities = {
  pipelining: {
    missing: "Bun closes a connection if the next request arrives before the response has ended.",
  },
  orderlyCut: {
    missing:
      "Bun resets a connection if the body of its response fails: a client may lose what it has not read.",
  },
};
