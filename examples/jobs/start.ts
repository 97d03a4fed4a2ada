/*
 * Starts the server, and starts it again whenever it is killed. Its streams are in a file, so that the jobs go on and the
 * readers of the page miss nothing.
 */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder for the file, unless the file is given: then jobs survive this process, too. */
const folder = process.env.JOBS_DB ? undefined : mkdtempSync(join(tmpdir(), "holdfast-jobs-"));
const file = process.env.JOBS_DB ?? join(folder as string, "jobs.db");
let port = process.env.PORT ?? "3000";
let child = startServer();
let isFirst = true;
let isStopping = false;

function startServer(): ReturnType<typeof fork> {
  const started = fork(join(import.meta.dirname, "server.ts"), {
    env: { ...process.env, PORT: port, JOBS_DB: file },
    // A terminal sends Ctrl-C to a whole group. The server gets the signal once, from here.
    detached: true,
  });
  started.once("message", (message: { port: number }) => {
    // The same port, so that the clients find it again.
    port = String(message.port);
    if (isFirst) console.log(`http://127.0.0.1:${port}`);
    isFirst = false;
  });
  started.once("exit", (code, signal) => {
    if (signal !== "SIGKILL" || isStopping) return stop(code ?? 1);
    console.error(`Process ${started.pid} was killed: starting another one.`);
    child = startServer();
  });
  return started;
}

function stop(code: number): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    isStopping = true;
    child.kill(signal);
  });
}
