import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { findOrInstall } from "../../../../examples/common/test/find-or-install.ts";

/** The path of `redis-server`; `undefined` if it is missing and cannot be installed. */
export const redisBinary: string | undefined = findOrInstall("redis-server");

/** A Redis for one test file. It keeps nothing on disk. */
export interface RedisServer {
  readonly port: number;
  /** Stops the process with SIGSTOP: its sockets stay open, and it does not answer. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
  /** Restarts it, empty, on the same port. */
  restart(): Promise<void>;
}

export interface ServerOptions {
  /** More arguments for the command line. */
  readonly args?: readonly string[];
  /** Listens for TLS connections only. */
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
    await waitUntilListening(port);
  }

  async function stopProcess(): Promise<void> {
    if (child === undefined) return;
    const exited = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    child = undefined;
    await exited;
  }

  await start();
  return {
    port,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async stop() {
      await stopProcess();
      rmSync(folder, { recursive: true, force: true });
    },
    async restart() {
      await stopProcess();
      await start();
    },
  };
}

/** A port that is not in use. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function waitUntilListening(port: number): Promise<void> {
  const end = performance.now() + 30_000;
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
