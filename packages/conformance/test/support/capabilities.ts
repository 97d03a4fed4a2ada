import type { Capabilities } from "@holdfast/conformance";

export const http2: Capabilities = {
  halfClose: { missing: "A request of HTTP/2 closes its half of the stream when it has been sent." },
};
