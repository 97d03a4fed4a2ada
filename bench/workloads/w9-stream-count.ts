import type { Workload } from "../harness/workload.ts";
import { microScenario } from "./micro-scenario.ts";

export const streamCount: Workload = {
  name: "W9",
  title: "1 to 10,000 streams in one registry, in process",
  columns: [
    { figure: "cpu", title: "CPU us/event", digits: 2 },
    { figure: "kib", title: "KiB/stream", digits: 1 },
  ],
  scenarios: (settings) => [microScenario("streamCounts", settings)],
};
