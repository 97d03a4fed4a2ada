import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { createRpcClient, type RpcClient } from "./rpc.ts";

/** Whether each process is pinned to a core of its own. */
export const pinned: boolean =
  availableParallelism() > 1 && spawnSync("taskset", ["--version"]).error === undefined;

export interface Child<Api> {
  readonly rpc: RpcClient<Api>;
  stop(): Promise<void>;
}

/** Starts a file of the bench as a child process, pinned to `core`. */
export function startChild<Api>(file: URL, core: number): Child<Api> {
  const node = [process.execPath, ...process.execArgv, "--expose-gc", fileURLToPath(file)];
  const [command, ...args] = pinned ? ["taskset", "-c", String(core), ...node] : node;
  const child = spawn(command as string, args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, NODE_ENV: "production" },
  });
  return { rpc: createRpcClient<Api>(child), stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.disconnect();
  await exited;
}
