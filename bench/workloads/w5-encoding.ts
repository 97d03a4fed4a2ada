import type { Workload } from "../harness/workload.ts";
import { microScenario } from "./micro-scenario.ts";

export const encoding: Workload = {
  name: "W5",
  title: "encoding an event, in process",
  columns: [{ figure: "ns", title: "CPU ns/event", digits: 0 }],
  scenarios: (settings) => [microScenario("toBytes", settings), microScenario("toSlabs", settings)],
};
