import { resolve } from "node:path";
import { serve } from "@hono/node-server";
import { createApp } from "./app.ts";

const hostname = "127.0.0.1";
const port = Number(process.env.PORT ?? 3000);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  stop(`PORT must be a number from 0 to 65535, not ${process.env.PORT}.`);
}

// Without a supervisor nobody would start it again.
const isSupervised = process.send !== undefined;
const { app, jobs } = createApp({
  root: resolve(import.meta.dirname, "../.."),
  ...(process.env.JOBS_DB && { file: process.env.JOBS_DB }),
  ...(isSupervised && { kill: () => process.kill(process.pid, "SIGKILL") }),
});
const server = serve({ fetch: app.fetch, hostname, port }, (address) => {
  if (isSupervised) process.send?.({ port: address.port });
  else console.log(`http://${hostname}:${address.port}`);
});

server.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EADDRINUSE") throw error;
  stop(`Port ${port} is in use. Try another one: PORT=${port + 1} npm start`);
});

// The supervisor is gone.
process.once("disconnect", () => process.exit());

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void drain());

/** Drains all connections, then closes the server. A second signal ends the process at once. */
async function drain(): Promise<void> {
  await jobs.close({ deadline: 2_000, spread: 1_000 });
  server.close();
  if ("closeAllConnections" in server) server.closeAllConnections();
  if (isSupervised) process.disconnect();
}

function stop(message: string): never {
  console.error(message);
  process.exit(1);
}
