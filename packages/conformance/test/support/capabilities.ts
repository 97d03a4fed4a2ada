import type { Capabilities } from "@holdfast/conformance";

export const http2: Capabilities = {
  admissionInTurn: { missing: "Over HTTP/2, responses do not wait for each other." },
  halfClose: { missing: "Every HTTP/2 client half-closes its stream after the request." },
};
