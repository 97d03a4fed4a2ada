import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type Remote, remoteOf } from "./remote.ts";

/** Whether each process can have a core of its own. */
export const pinned: boolean =
  availableParallelism() > 1 && spawnSync("taskset", ["--version"]).error === undefined;

export interface Child<Api> {
  readonly remote: Remote<Api>;
  stop(): Promise<void>;
}

/** Starts a file of the bench as a process of its own on `core`. */
export function startChild<Api>(file: URL, core: number): Child<Api> {
  const node = [process.execPath, ...process.execArgv, "--expose-gc", fileURLToPath(file)];
  const [command, ...args] = pinned ? ["taskset", "-c", String(core), ...node] : node;
  const child = spawn(command as string, args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, NODE_ENV: "production" },
  });
  return { remote: remoteOf<Api>(child), stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.disconnect();
  await gone;
}
