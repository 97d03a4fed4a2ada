import type { Workload } from "../harness/workload.ts";
import { runAlone } from "./alone.ts";

export const encoding: Workload = {
  name: "W5",
  title: "encoding an event, in process",
  columns: [{ figure: "ns", title: "CPU ns/event", digits: 0 }],
  runs: (scale) => [runAlone("toBytes", scale), runAlone("toSlabs", scale)],
};
