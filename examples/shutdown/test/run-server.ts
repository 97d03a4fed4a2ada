import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";

export interface Command {
  /** The arguments of Node. */
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningServer {
  readonly url: string;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
  readonly terminate: () => void;
  /** Opens a connection; it is closed when the test is finished. */
  readonly connect: () => Promise<Socket>;
}

const HOST = "127.0.0.1";
const DEADLINE = `--import=${join(import.meta.dirname, "deadline.ts")}`;

/** Runs a server until the test is finished, and waits until it listens. */
export async function runServer({ args, cwd, env }: Command): Promise<RunningServer> {
  const port = await freePort();
  const child = spawn(process.execPath, [DEADLINE, ...args], {
    cwd,
    env: { ...process.env, NODE_ENV: "production", PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => void (output += chunk.toString()));
  }
  const exited = once(child, "exit").then(([code]) => code as number | null);
  onTestFinished(() => void child.kill("SIGKILL"));

  const connectTo = async (): Promise<Socket> => {
    const socket = connect(port, HOST);
    await once(socket, "connect"); // rejects when the connection is refused
    socket.on("error", () => undefined); // the server may reset it later
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  const isListening = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`The server has exited:\n${output}`);
    return connectTo().then(
      (socket) => !socket.destroy().connecting,
      () => false,
    );
  };
  await vi.waitUntil(isListening, { timeout: 50_000, interval: 50 });
  return {
    url: `http://${HOST}:${port}`,
    exited,
    terminate: () => void child.kill("SIGTERM"),
    connect: connectTo,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
