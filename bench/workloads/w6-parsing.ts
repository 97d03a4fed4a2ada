import type { Workload } from "../harness/workload.ts";
import { microScenario } from "./micro-scenario.ts";

export const parsing: Workload = {
  name: "W6",
  title: "parsing the events of an upstream, in process",
  columns: [
    { figure: "ns", title: "CPU ns/event", digits: 0 },
    { figure: "mbs", title: "MB/s", digits: 0 },
  ],
  scenarios: (settings) => [microScenario("parsers", settings)],
};
