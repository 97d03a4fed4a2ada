/** The process that runs one microbenchmark. */
import { microbenchmarks } from "../micro/index.ts";
import { expose } from "./rpc.ts";
import type { Figures } from "./workload.ts";

const api = {
  async measure(
    group: keyof typeof microbenchmarks,
    subject: string,
  ): Promise<Readonly<Record<string, Figures>>> {
    const measure = microbenchmarks[group][subject];
    if (measure === undefined) throw new Error(`unknown microbenchmark ${subject}`);
    return measure();
  },
};

export type MicroApi = typeof api;
expose(api);
