import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a server tells its supervisor. */
export type ServerMessage = { readonly port: number } | { readonly isRetired: true };

export interface SuperviseOptions {
  /** The script of the server, which uses `serveApp`. */
  readonly script: string;
  /**
   * The variable of the environment that names the server's file. If it is not set, the file is in a temporary folder,
   * and otherwise it survives this process, too.
   */
  readonly file: string;
  /** More variables for the server. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called when this process ends. */
  readonly onStop?: () => void;
}

/**
 * Runs a server in a process of its own, starts another one whenever it is killed, and a second one beside it when it
 * retires. All have the same port and the same file. SIGINT and SIGTERM are passed on.
 */
export function supervise({ script, file: variable, env = {}, onStop }: SuperviseOptions): void {
  const given = process.env[variable];
  const folder = given ? undefined : mkdtempSync(join(tmpdir(), "holdfast-example-"));
  const file = given || join(folder as string, "streams.db");
  const children = new Set<ChildProcess>();
  let port = process.env["PORT"] ?? "3000";
  let isFirst = true;
  let isStopping = false;
  let exitCode = 0;
  let current = startServer();

  function startServer(): ChildProcess {
    const child = fork(script, {
      env: { ...process.env, ...env, PORT: port, [variable]: file },
      // A terminal sends Ctrl-C to a whole group. The server gets the signal once, from here.
      detached: true,
    });
    children.add(child);
    child.on("message", (message: ServerMessage) => {
      if ("isRetired" in message) {
        if (child === current && !isStopping) current = startServer();
        return;
      }
      // The same port, so that the clients find it again.
      port = String(message.port);
      if (isFirst) console.log(`http://127.0.0.1:${port}`);
      isFirst = false;
    });
    child.once("exit", (code, signal) => onExit(child, code, signal));
    return child;
  }

  function onExit(child: ChildProcess, code: number | null, signal: string | null): void {
    children.delete(child);
    if (child === current) {
      if (signal === "SIGKILL" && !isStopping) {
        console.error(`Process ${child.pid} was killed: starting another one.`);
        current = startServer();
        return;
      }
      isStopping = true;
      exitCode = code ?? 1;
    }
    // One that has retired may still have something to finish.
    if (isStopping && children.size === 0) stop();
  }

  function stop(): void {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    onStop?.();
    process.exit(exitCode);
  }

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // A second signal ends also those that have retired.
      for (const child of isStopping ? children : [current]) child.kill(signal);
      isStopping = true;
    });
  }
}
