import type { Workload } from "../harness/workload.ts";
import { manyDeliveries } from "./many-deliveries.ts";
import { manyIdle } from "./many-idle.ts";

/** What `--scale` runs instead of the other workloads: as many connections as one machine takes. */
export const scaleWorkloads: readonly Workload[] = [manyIdle, manyDeliveries];
