/*
 * A process of a service, until it is killed: a job that goes on where the file says, and its stream over HTTP.
 * Arguments: the path of the file, the port, and `serve` for a process that does not run the job.
 */
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { createRegistry } from "@holdfast/core";
import { sse } from "@holdfast/node-http";
import { sqliteStore } from "../../src/index.ts";

const [path = "", port = "", mode = "run"] = process.argv.slice(2);
const jobs = createRegistry({
  store: sqliteStore({ path }),
  // No client is told of an event that dies with the process.
  durability: "stored",
  retryWindow: 600_000,
});

const server = createServer((req, res) => {
  if (req.method === "POST") {
    isFinishing = true;
    res.end();
  } else void sse(req, res, jobs.stream((req.url ?? "").slice(1)));
});
let isFinishing = false;

async function runJob(): Promise<void> {
  const job = await jobs.open("job", { ifExists: "append" });
  await job.pipe(async function* () {
    for (let number = job.last + 1; !isFinishing; number++) {
      yield { data: number };
      if (number % 5 === 0) await pause(1);
    }
  });
}

if (mode === "run") {
  runJob().catch((error: { code?: string }) => {
    // The job was finished before this process began.
    if (error.code !== "STREAM_ENDED") throw error;
  });
}
server.listen(Number(port), "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
