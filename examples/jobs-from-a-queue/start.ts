import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { startRedis } from "../common/own-redis.ts";

const port = Number(process.env.PORT ?? 3000);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  stop(`PORT must be a number from 0 to 65535, not ${process.env.PORT}.`);
}

const own = process.env.REDIS_URL
  ? undefined
  : await startRedis().catch((error: Error) => stop(error.message));
const env = { ...process.env, REDIS_URL: own?.url ?? process.env.REDIS_URL, PORT: String(port) };

const children = new Set<ChildProcess>();
let isStopping = false;

function start(script: string): ChildProcess {
  // In a process group of its own: Ctrl-C in a terminal is then passed on by this process alone, as SIGTERM.
  const child = fork(join(import.meta.dirname, script), { env, detached: true });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Starts another worker when one has died, as the process manager of a service does. */
function keepWorkerRunning(): void {
  start("worker.ts").once("exit", () => {
    if (!isStopping) keepWorkerRunning();
  });
}

const web = start("web.ts");
web.once("exit", (code) => {
  if (!isStopping)
    stop(`The web server has exited with ${code}. If port ${port} is in use, try PORT=${port + 1}.`);
});
for (let count = 0; count < 2; count++) keepWorkerRunning();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void stopAll());
}

async function stopAll(): Promise<void> {
  isStopping = true;
  const exits = [...children].map((child) => once(child, "exit"));
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(exits);
  process.exit();
}

function stop(message: string): never {
  console.error(message);
  process.exit(1);
}
