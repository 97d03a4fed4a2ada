import type { Workload } from "../harness/workload.ts";
import { runAlone } from "./alone.ts";

export const growth: Workload = {
  name: "W9",
  title: "more and more streams in one registry, in process",
  columns: [
    { figure: "cpu", title: "CPU us/event", digits: 2 },
    { figure: "kib", title: "KiB/stream", digits: 1 },
  ],
  runs: (scale) => [runAlone("sizes", scale)],
};
