import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { installed } from "../../../../examples/common/test/installed.ts";

/** This machine's Redis, if there is one, or one can be installed. */
export const redisBinary: string | undefined = installed("redis-server");

/** A Redis of the test's own, that keeps nothing on disk. */
export interface RedisServer {
  readonly port: number;
  /** Stops the process in its tracks: its sockets stay, and nobody answers. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
}

export interface ServerOptions {
  /** More settings, as on its command line. */
  readonly args?: readonly string[];
  /** Listens for TLS instead. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export async function startRedis({ args = [], tls }: ServerOptions = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-redis-"));
  const port = await freePort();
  const listening = tls
    ? [
        "--port",
        "0",
        "--tls-port",
        `${port}`,
        "--tls-cert-file",
        tls.cert,
        "--tls-key-file",
        tls.key,
        "--tls-auth-clients",
        "no",
      ]
    : ["--port", `${port}`];
  const settings = [
    ...listening,
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--dir",
    folder,
    ...args,
  ];
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    child = spawn(redisBinary as string, settings, { stdio: "ignore" });
    await listens(port);
  }

  async function halt(): Promise<void> {
    if (child === undefined) return;
    const over = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    child = undefined;
    await over;
  }

  await start();
  return {
    port,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async stop() {
      await halt();
      rmSync(folder, { recursive: true, force: true });
    },
    async restart() {
      await halt();
      await start();
    },
  };
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function listens(port: number): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(5);
    } finally {
      socket.destroy();
    }
  }
}
