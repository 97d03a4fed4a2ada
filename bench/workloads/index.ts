import type { Workload } from "../harness/workload.ts";
import { fanOut } from "./w1-fan-out.ts";
import { tokens } from "./w2-tokens.ts";
import { idle } from "./w3-idle.ts";
import { replay } from "./w4-replay.ts";
import { encoding } from "./w5-encoding.ts";
import { parsing } from "./w6-parsing.ts";
import { stalled } from "./w7-stalled.ts";
import { visits } from "./w8-visits.ts";
import { growth } from "./w9-growth.ts";
import { store } from "./w10-store.ts";

export const workloads: readonly Workload[] = [
  fanOut,
  tokens,
  idle,
  replay,
  encoding,
  parsing,
  stalled,
  visits,
  growth,
  store,
];
