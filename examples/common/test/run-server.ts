import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

export interface RunningServer extends ChildProcess {
  firstLine(of: "stdout" | "stderr"): Promise<string>;
  /** Resolves with the exit code. */
  ended(): Promise<number | null>;
}

/** Runs a server as its command does, until the test is finished. */
export function runServer(script: string, env: Readonly<Record<string, string>> = {}): RunningServer {
  const child = spawn(process.execPath, ["--conditions=@holdfast/source", script], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = once(child, "exit") as Promise<[number | null]>;
  onTestFinished(() => void child.kill("SIGKILL"));
  return Object.assign(child, {
    async firstLine(of: "stdout" | "stderr") {
      const [line] = await once(createInterface(child[of]), "line");
      return line as string;
    },
    async ended() {
      const [code] = await exit;
      return code;
    },
  });
}
