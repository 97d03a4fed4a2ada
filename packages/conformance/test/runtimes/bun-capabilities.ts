import type { Capabilities } from "@holdfast/conformance";

export const bunCapabilities: Capabilities = {
  pipelining: {
    missing: "Bun closes a connection if the next request arrives before the response has ended.",
  },
};
