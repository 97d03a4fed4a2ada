import { parseArgs } from "node:util";
import type { Settings } from "./workload.ts";

export interface Options extends Settings {
  /** Whether the largest numbers of connections are measured, instead of the usual workloads. */
  readonly scale: boolean;
  /** Whether a workload is selected. */
  includes(workload: string): boolean;
}

/** Parses the command line. Rejects unknown options. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    // npm and pnpm pass the separator on.
    args: args.filter((arg) => arg !== "--"),
    options: {
      only: { type: "string", default: "" },
      peers: { type: "string", default: "" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      scale: { type: "boolean", default: false },
    },
  });
  const only = list(values.only).map((name) => name.toUpperCase());
  const peers = list(values.peers);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
    throw new Error("--rounds must be a positive integer");
  return {
    quick: values.quick,
    scale: values.scale,
    rounds: (usual) => rounds ?? (values.quick ? 1 : usual),
    includes: (workload) => only.length === 0 || only.includes(workload),
    select(subjects) {
      if (peers.length === 0) return subjects;
      const [reference] = subjects;
      const selected = subjects.filter((subject) => peers.some((part) => subject.includes(part)));
      return selected.length === 0
        ? []
        : subjects.filter((subject) => subject === reference || selected.includes(subject));
    },
  };
}

function list(text: string): string[] {
  return text.split(",").filter((part) => part !== "");
}
