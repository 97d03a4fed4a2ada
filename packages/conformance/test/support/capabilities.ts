import type { Capabilities } from "@holdfast/conformance";

export const http2: Capabilities = {
  halfClose: { missing: "Every HTTP/2 client half-closes its stream after the request." },
};
