import { adapterSuite } from "@holdfast/conformance";
import { describe, test } from "vitest";
import { startHttp2 } from "./start.ts";

adapterSuite(
  { describe, test },
  {
    name: "fastify on HTTP/2",
    start: startHttp2,
    capabilities: {
      admissionInTurn: { missing: "Over HTTP/2, responses do not wait for each other." },
      halfClose: { missing: "Every HTTP/2 client half-closes its stream after the request." },
    },
  },
);
