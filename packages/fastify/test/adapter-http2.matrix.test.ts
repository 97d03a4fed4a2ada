import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { startHttp2 } from "./start.ts";

adapterSuite(
  { describe, test },
  {
    name: "fastify on HTTP/2",
    start: startHttp2,
    capabilities: {
      halfClose: { missing: "A request of HTTP/2 closes its half of the stream when it has been sent." },
    },
  },
);
