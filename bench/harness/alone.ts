/** The process that measures without a network. */
import { inside } from "../inside/index.ts";
import { expose } from "./remote.ts";
import type { Figures } from "./workload.ts";

const api = {
  async measure(group: keyof typeof inside, subject: string): Promise<Readonly<Record<string, Figures>>> {
    const measure = inside[group][subject];
    if (measure === undefined) throw new Error(`there is no ${subject}`);
    return measure();
  },
};

export type AloneApi = typeof api;
expose(api);
