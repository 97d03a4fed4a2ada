import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { certificate } from "../support/certificate.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";

export interface Proxy {
  readonly name: string;
  /** Where it is, if it is here. */
  readonly program: string | undefined;
  /** The arguments that run it in the foreground, as one process. */
  readonly args: (file: string) => string[];
  /** The configuration that the page shows, made to fit. */
  readonly configure: (place: Place, settings: Settings) => string;
  /** Whether it leaves uncompressed what says `no-transform`. */
  readonly sparesNoTransform: boolean;
  /** Whether it speaks HTTP/2 to clients. */
  readonly http2: boolean;
}

/** Where things are. */
export interface Place {
  /** A folder for whatever it keeps. */
  readonly folder: string;
  /** Where the service listens. */
  readonly app: number;
  /** Where the proxy is to listen, without TLS and with it. */
  readonly port: number;
  readonly tlsPort: number;
  readonly certificate: string;
  readonly key: string;
  /** Both of them. */
  readonly pem: string;
}

export interface Settings {
  /** Whether it compresses what it may. @default false */
  readonly gzip?: boolean;
  /** The longest silence that it suffers, in whole seconds. @default as the page shows it */
  readonly timeout?: number;
}

export interface RunningProxy {
  readonly port: number;
  readonly tlsPort: number;
  readonly close: () => Promise<void>;
}

/** Runs a proxy until the test is finished. */
export async function runProxy(proxy: Proxy, app: number, settings?: Settings): Promise<RunningProxy> {
  const running = await startProxy(proxy, app, settings);
  onTestFinished(running.close);
  return running;
}

export async function startProxy(proxy: Proxy, app: number, settings: Settings = {}): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-proxy-"));
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const [port, tlsPort] = [await freePort(), await freePort()];
  const { cert, key } = certificate();
  const place: Place = {
    folder,
    app,
    port,
    tlsPort,
    certificate: write("crt", cert),
    key: write("key", key),
    pem: write("pem", cert + key),
  };
  const file = write("configuration", proxy.configure(place, settings));
  const child = spawn(proxy.program as string, proxy.args(file), {
    env: { HOME: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (text) => (said += String(text)));
  const exit = once(child, "exit");
  const listening = eventually(() => Promise.all([reach(port), reach(tlsPort)]), 10_000);
  await Promise.race([listening, exit]);
  if (child.exitCode !== null) throw new Error(`${proxy.name} does not run: ${said}`);
  return {
    port,
    tlsPort,
    async close() {
      child.kill("SIGKILL");
      await exit;
      rmSync(folder, { recursive: true });
    },
  };
}

// Below those that the system hands out: nobody gets one before the proxy does. Each process has some of its own.
let next = 10_000 + (process.pid % 100) * 200;

async function freePort(): Promise<number> {
  for (;;) {
    const port = next++;
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  const free = await new Promise<boolean>((resolve) => {
    server.once("listening", () => resolve(true)).once("error", () => resolve(false));
  });
  server.close();
  return free;
}

async function reach(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
}
