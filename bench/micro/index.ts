import type { Figures } from "../harness/workload.ts";
import { toBytes, toSlabs } from "./encoding.ts";
import { parsers } from "./parsing.ts";
import { streamCounts } from "./stream-count.ts";

type Rows = Readonly<Record<string, Figures>>;
type Subjects = Readonly<Record<string, () => Rows | Promise<Rows>>>;

/** Microbenchmarks: measured in process, without a network. Each subject runs in a fresh process. */
export const microbenchmarks: Readonly<Record<"toBytes" | "toSlabs" | "parsers" | "streamCounts", Subjects>> =
  {
    toBytes,
    toSlabs,
    parsers,
    streamCounts,
  };
