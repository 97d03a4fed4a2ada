import { parseArgs } from "node:util";

export interface Options {
  /** Hostile connections in all, shared out among the targets. */
  readonly connections: number;
  readonly seed: number;
  /** Only targets whose names contain this text. */
  readonly only: string;
}

/** Parses the command line. Rejects unknown options. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    // npm and pnpm pass the separator on.
    args: args.filter((arg) => arg !== "--"),
    options: {
      connections: { type: "string", default: "12000" },
      seed: { type: "string", default: String(randomSeed()) },
      only: { type: "string", default: "" },
    },
  });
  return {
    connections: positiveInteger("connections", values.connections),
    seed: positiveInteger("seed", values.seed),
    only: values.only,
  };
}

export function randomSeed(): number {
  return 1 + Math.floor(Math.random() * (2 ** 31 - 1));
}

function positiveInteger(name: string, text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value > 0))
    throw new Error(`--${name} must be a positive integer, got ${text}`);
  return value;
}
