import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

export interface ServerProcess {
  readonly port: number;
  /** Kills it, as `kill -9` does. */
  kill(): Promise<void>;
}

/** Starts a process of `kill-server.ts`. */
export async function startServer(
  path: string,
  port = 0,
  mode: "run" | "serve" = "run",
): Promise<ServerProcess> {
  const child: ChildProcess = fork(join(import.meta.dirname, "kill-server.ts"), [path, String(port), mode], {
    execArgv: ["--conditions=@holdfast/source"],
  });
  const exited = once(child, "exit");
  const listening = await Promise.race([once(child, "message"), exited.then(() => undefined)]);
  if (listening === undefined) throw new Error("The server ended before it was listening.");
  return {
    port: listening[0] as number,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
