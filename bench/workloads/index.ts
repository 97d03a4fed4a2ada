import type { Workload } from "../harness/workload.ts";
import { fanOut } from "./w1-fan-out.ts";
import { tokens } from "./w2-tokens.ts";
import { idle } from "./w3-idle.ts";
import { replay } from "./w4-replay.ts";
import { encoding } from "./w5-encoding.ts";
import { parsing } from "./w6-parsing.ts";
import { slowClient } from "./w7-slow-client.ts";
import { shortConnections } from "./w8-short-connections.ts";
import { streamCount } from "./w9-stream-count.ts";
import { store } from "./w10-store.ts";
import { refusedConnections } from "./w11-refusals.ts";
import { members } from "./w12-multiplex.ts";
import { compression } from "./w13-compression.ts";

export const workloads: readonly Workload[] = [
  fanOut,
  tokens,
  idle,
  replay,
  encoding,
  parsing,
  slowClient,
  shortConnections,
  streamCount,
  store,
  refusedConnections,
  members,
  compression,
];
