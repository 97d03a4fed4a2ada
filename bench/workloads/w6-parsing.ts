import type { Workload } from "../harness/workload.ts";
import { runAlone } from "./alone.ts";

export const parsing: Workload = {
  name: "W6",
  title: "parsing an upstream's events, in process",
  columns: [
    { figure: "ns", title: "CPU ns/event", digits: 0 },
    { figure: "mbs", title: "MB/s", digits: 0 },
  ],
  runs: (scale) => [runAlone("parsers", scale)],
};
