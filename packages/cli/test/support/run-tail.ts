import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const BIN = join(import.meta.dirname, "../../src/bin.ts");

export interface RunningTail {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  readonly out: string;
  readonly err: string;
  /** The exit code, when it has ended and everything is read. */
  readonly ended: Promise<number | null>;
  /** Waits until it has printed this to stdout. */
  until(text: string): Promise<void>;
  /** The lines of `--json`, without their times. */
  readonly records: { readonly type: string; readonly [field: string]: unknown }[];
}

/** Runs `holdfast` from source as a process of its own, until the test is finished. */
export function runHoldfast(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningTail {
  const child = spawn(process.execPath, ["--conditions=@holdfast/source", BIN, ...args], {
    env: { ...process.env, FORCE_COLOR: undefined, NODE_OPTIONS: undefined, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  return {
    process: child,
    get out() {
      return out;
    },
    get err() {
      return err;
    },
    ended: once(child, "close").then(([code]) => code as number | null),
    async until(text) {
      while (!out.includes(text)) await once(child.stdout, "data");
    },
    get records() {
      return out
        .trimEnd()
        .split("\n")
        .map((line) => {
          const { time: _, ...record } = JSON.parse(line) as { type: string; time: string };
          return record;
        });
    },
  };
}

export const runTail = (url: string, ...args: readonly string[]): RunningTail =>
  runHoldfast(["tail", url, ...args]);
