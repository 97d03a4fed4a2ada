import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { Hono } from "hono";
import type { Machines } from "./machine-switches.ts";

const hostname = "127.0.0.1";

/** Reads the environment variable `PORT`, or ends the process with a message. */
export function readPort(): number {
  const port = Number(process.env["PORT"] ?? 3000);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  stop(`PORT must be a number from 0 to 65535, not ${process.env["PORT"]}.`);
}

/**
 * Serves the page of an example, then starts the processes of its service, and prints the address. The processes end with this one.
 *
 * @param onListening called with the origin of the page, before the processes start
 */
export function servePage(
  app: Hono,
  port: number,
  { runners }: Machines<string>,
  onListening: (origin: string) => void,
): void {
  const server = serve({ fetch: app.fetch, hostname, port }, (address) => {
    const origin = `http://${hostname}:${(address as AddressInfo).port}`;
    onListening(origin);
    for (const runner of Object.values(runners)) runner.start();
    console.log(origin);
  });
  server.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    stop(`Port ${port} is in use. Try another one: PORT=${port + 1}`);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      for (const runner of Object.values(runners)) void runner.kill();
      process.exit();
    });
  }
}

/** Ends the process with a message. */
export function stop(message: string): never {
  console.error(message);
  process.exit(1);
}
