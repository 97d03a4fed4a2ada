import { serve } from "@hono/node-server";
import type { ServerMessage } from "./supervise.ts";

const hostname = "127.0.0.1";

export interface ServeAppOptions {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Ends what runs, and all connections, in reaction to SIGINT and SIGTERM. */
  readonly drain: () => Promise<void>;
  /** The command that starts the server, for the message about a port that is in use. */
  readonly command: string;
}

/** Whether `supervise` runs this process, and would start another one after it. */
export const isSupervised: boolean = process.send !== undefined;

/** Ends this process as a crash would. */
export function killProcess(): void {
  process.kill(process.pid, "SIGKILL");
}

/**
 * Serves an app on the port that the environment gives, until SIGINT or SIGTERM. A second signal ends the process at once.
 *
 * @returns how to retire: the next process takes over the port, while this one finishes what it does
 */
export function serveApp({ fetch, drain, command }: ServeAppOptions): { readonly retire: () => void } {
  const port = Number(process.env["PORT"] ?? 3000);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    stop(`PORT must be a number from 0 to 65535, not ${process.env["PORT"]}.`);
  }
  const server = serve({ fetch, hostname, port }, (address) => {
    if (isSupervised) tell({ port: address.port });
    else console.log(`http://${hostname}:${address.port}`);
  });

  server.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    stop(`Port ${port} is in use. Try another one: PORT=${port + 1} ${command}`);
  });

  // The supervisor is gone.
  process.once("disconnect", () => process.exit());

  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end());

  async function end(): Promise<void> {
    await drain();
    server.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
    if (isSupervised) process.disconnect();
  }

  function retire(): void {
    if (!isSupervised || !server.listening) return;
    server.close();
    tell({ isRetired: true });
    void end();
  }

  return { retire };
}

function tell(message: ServerMessage): void {
  process.send?.(message);
}

function stop(message: string): never {
  console.error(message);
  process.exit(1);
}
