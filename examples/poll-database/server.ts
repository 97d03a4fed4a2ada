import { createApp } from "./app.ts";
import { JobTable } from "./job-table.ts";
import { work } from "./worker.ts";

const hostname = "127.0.0.1";
const { PORT = "3000", DATABASE } = process.env;
const port = Number(PORT);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  stop(`PORT must be a number from 0 to 65535, not ${PORT}.`);
}

const table = new JobTable(DATABASE);
const { app, jobs } = createApp(table);
const workers = new AbortController();
for (let worker = 1; worker <= 3; worker++) void work(table, { signal: workers.signal });

const server = app.listen(port, hostname, (error?: NodeJS.ErrnoException) => {
  if (error === undefined) {
    const address = server.address();
    console.log(`http://${hostname}:${typeof address === "object" ? address?.port : port}`);
  } else if (error.code === "EADDRINUSE") {
    stop(`Port ${port} is in use. Try another one: PORT=${port + 1} before the command.`);
  } else {
    throw error;
  }
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void drain());

/** Drains all connections, then closes the server. A second signal ends the process at once. */
async function drain(): Promise<void> {
  workers.abort();
  await jobs.close({ deadline: 2_000, spread: 1_000 });
  server.close();
  server.closeAllConnections();
  table.close();
}

function stop(message: string): never {
  console.error(message);
  process.exit(1);
}
