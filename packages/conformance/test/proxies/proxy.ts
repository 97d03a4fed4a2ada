import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { certificate } from "../support/certificate.ts";
import { eventually } from "../../src/harness/eventually.ts";

export interface Proxy {
  readonly name: string;
  /** Its path; `undefined` if it is not installed. */
  readonly program: string | undefined;
  /** The arguments that run it in the foreground, as one process. */
  readonly args: (file: string) => string[];
  /** The configuration from the documentation, with the ports and files of this test. */
  readonly configure: (place: Place, settings: Settings) => string;
  /** Whether it respects `no-transform`: then it does not compress the response. */
  readonly respectsNoTransform: boolean;
  /** Whether it serves HTTP/2. */
  readonly http2: boolean;
}

/** The ports and files of one running proxy. */
export interface Place {
  /** A folder for its files. */
  readonly folder: string;
  /** The port of the service. */
  readonly service: number;
  /** The ports of the proxy, without and with TLS. */
  readonly port: number;
  readonly tlsPort: number;
  readonly certificate: string;
  readonly key: string;
  /** Certificate and key in one file. */
  readonly pem: string;
}

export interface Settings {
  /** Whether it compresses. @default false */
  readonly gzip?: boolean;
  /** The longest time without data, in whole seconds. @default the one in the documentation */
  readonly timeout?: number;
}

export interface RunningProxy {
  readonly port: number;
  readonly tlsPort: number;
  readonly close: () => Promise<void>;
}

/** Runs a proxy until the test is finished. */
export async function runProxy(proxy: Proxy, service: number, settings?: Settings): Promise<RunningProxy> {
  const running = await startProxy(proxy, service, settings);
  onTestFinished(running.close);
  return running;
}

export async function startProxy(
  proxy: Proxy,
  service: number,
  settings: Settings = {},
): Promise<RunningProxy> {
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
    service,
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
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += String(text)));
  const exit = once(child, "exit");
  const listening = eventually(() => Promise.all([reach(port), reach(tlsPort)]));
  await Promise.race([listening, exit]);
  if (child.exitCode !== null) throw new Error(`${proxy.name} did not start: ${output}`);
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

// Below the ephemeral ports, so that the system gives none of them to another socket. Each process has its own range.
let next = 10_000 + (process.pid % 100) * 200;

/** A port that stays free when a server on it is restarted. */
export async function freePort(): Promise<number> {
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
