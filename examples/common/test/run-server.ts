import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

export interface RunningServer extends ChildProcess {
  /** Resolves with the first line of an output. */
  firstLine(output: "stdout" | "stderr"): Promise<string>;
  /** Resolves with the exit code. */
  exited(): Promise<number | null>;
}

/** Runs a server script as a child process until the test is finished. */
export function runServer(script: string, env: Readonly<Record<string, string>> = {}): RunningServer {
  const child = spawn(process.execPath, ["--conditions=@holdfast/source", script], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = once(child, "exit") as Promise<[number | null]>;
  onTestFinished(() => void child.kill("SIGKILL"));
  return Object.assign(child, {
    async firstLine(output: "stdout" | "stderr") {
      const [line] = await once(createInterface(child[output]), "line");
      return line as string;
    },
    async exited() {
      const [code] = await exit;
      return code;
    },
  });
}
