import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";

/**
 * Runs a program in a process group, which is killed as a whole when the program exits or stdin closes. Stdin also closes
 * when this process is interrupted or killed.
 */
const RUN = `{ "$@"; kill -9 0; } & read -r _; kill -9 0`;

export interface ProcessGroup {
  /** What the program writes to stderr. */
  readonly output: Readable;
  kill(): Promise<void>;
}

/** Starts a browser with its processes. */
export function startGroup(
  command: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ProcessGroup {
  const group = spawn("sh", ["-c", RUN, "sh", ...command], {
    detached: true,
    env: { ...process.env, ...environment },
    stdio: ["pipe", "ignore", "pipe"],
  });
  const exited = once(group, "exit");
  return {
    output: group.stderr,
    async kill() {
      group.stdin.end();
      await exited;
    },
  };
}
