import type { Figures } from "../harness/workload.ts";
import { toBytes, toSlabs } from "./encode.ts";
import { sizes } from "./growth.ts";
import { parsers } from "./parse.ts";

type Rows = Readonly<Record<string, Figures>>;
type Subjects = Readonly<Record<string, () => Rows | Promise<Rows>>>;

/** What is measured without a network, by name; each in a process of its own. */
export const inside: Readonly<Record<"toBytes" | "toSlabs" | "parsers" | "sizes", Subjects>> = {
  toBytes,
  toSlabs,
  parsers,
  sizes,
};
