import type { Capabilities } from "@holdfast/conformance";

export const bunCapabilities: Capabilities = {
  pipelining: { missing: "Bun cuts a connection whose client asks again before the answer is over." },
};
