import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { freePort } from "./free-port.ts";

const MISSING =
  "redis-server is not installed. Install it (apt install redis-server, brew install redis), or use your own: REDIS_URL=redis://host:6379";

export interface OwnRedis {
  readonly url: string;
  readonly process: ChildProcess;
}

/**
 * Starts a Redis for this example, on a free port and without persistence.
 *
 * @throws an error that says what to do, if `redis-server` is not installed
 */
export async function startRedis(): Promise<OwnRedis> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-example-"));
  const port = await freePort();
  const settings = { port, bind: "127.0.0.1", dir: folder, save: "", appendonly: "no" };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await untilReady(child);
  return { url: `redis://127.0.0.1:${port}`, process: child };
}

function untilReady(child: ChildProcessByStdio<null, Readable, null>): Promise<void> {
  return new Promise((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      if (line.includes("Ready to accept connections")) resolve();
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "ENOENT" ? new Error(MISSING, { cause: error }) : error);
    });
    child.once("exit", (code) => reject(new Error(`redis-server exited with ${code}.`)));
  });
}
