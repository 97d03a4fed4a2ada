import { parseArgs } from "node:util";
import type { Scale } from "./workload.ts";

export interface Options extends Scale {
  /** Whether a workload was asked for. */
  wants(workload: string): boolean;
}

/** The command line; what is not known there is refused. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    // npm and pnpm leave the separator in.
    args: args.filter((arg) => arg !== "--"),
    options: {
      only: { type: "string", default: "" },
      peers: { type: "string", default: "" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
    },
  });
  const only = list(values.only).map((name) => name.toUpperCase());
  const wanted = list(values.peers);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
    throw new Error("--rounds takes a number from 1 on");
  return {
    quick: values.quick,
    rounds: (usual) => rounds ?? (values.quick ? 1 : usual),
    wants: (workload) => only.length === 0 || only.includes(workload),
    choose(subjects) {
      if (wanted.length === 0) return subjects;
      const [reference] = subjects;
      const chosen = subjects.filter((subject) => wanted.some((part) => subject.includes(part)));
      return chosen.length === 0
        ? []
        : subjects.filter((subject) => subject === reference || chosen.includes(subject));
    },
  };
}

function list(text: string): string[] {
  return text.split(",").filter((part) => part !== "");
}
