import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";

export interface Command {
  /** Default: this version of Node. */
  readonly program?: string;
  /** `$PORT` stands for the port, which is also in the variable of this name. */
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningServer {
  readonly url: string;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
  readonly terminate: () => void;
  /** Ends it at once, with the processes that it has started. */
  readonly kill: () => void;
  /** What it has printed. */
  readonly output: () => string;
  /** Opens a connection; it is closed when the test is finished. */
  readonly connect: () => Promise<Socket>;
}

const HOST = "127.0.0.1";
const DEADLINE = join(import.meta.dirname, "deadline.ts");

/** Runs a server until the test is finished, and waits until it listens. */
export async function runServer(command: Command): Promise<RunningServer> {
  const server = await startServer(command);
  onTestFinished(server.kill);
  return server;
}

/** Starts a server, and waits until it listens. It runs until it is killed. */
export async function startServer({
  program = process.execPath,
  args,
  cwd,
  env,
}: Command): Promise<RunningServer> {
  const port = await freePort();
  const child = spawn(
    program,
    [`--import=${DEADLINE}`, ...args.map((word) => (word === "$PORT" ? `${port}` : word))],
    {
      cwd,
      env: { ...process.env, NODE_ENV: "production", PORT: String(port), ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a group of its own, so that `kill` reaches what the servers of frameworks start
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => void (output += chunk.toString()));
  }
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const kill = (): void => {
    try {
      process.kill(-(child.pid as number), "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // all of them have exited
    }
  };
  const connectTo = async (): Promise<Socket> => {
    const socket = connect(port, HOST);
    await once(socket, "connect"); // rejects when the connection is refused
    socket.on("error", () => undefined); // the server may reset it later
    return socket;
  };
  const isListening = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`The server has exited:\n${output}`);
    return connectTo().then(
      (socket) => !socket.destroy().connecting,
      () => false,
    );
  };
  await vi.waitUntil(isListening, { timeout: 100_000, interval: 50 }).catch((error: unknown) => {
    kill();
    throw new Error(`The server does not listen:\n${output}`, { cause: error });
  });
  return {
    url: `http://${HOST}:${port}`,
    exited,
    terminate: () => void child.kill("SIGTERM"),
    kill,
    output: () => output,
    async connect() {
      const socket = await connectTo();
      onTestFinished(() => void socket.destroy());
      return socket;
    },
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
