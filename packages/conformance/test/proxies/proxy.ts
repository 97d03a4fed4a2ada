import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";

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
}

/** Runs a proxy until the test is finished. */
export async function runProxy(proxy: Proxy, app: number, settings: Settings = {}): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-proxy-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [port, tlsPort] = await freePorts();
  const place = { folder, app, port, tlsPort, ...certify(folder) };
  const file = join(folder, "configuration");
  writeFileSync(file, proxy.configure(place, settings));
  const child = spawn(proxy.program as string, proxy.args(file), {
    cwd: folder,
    env: { HOME: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (text) => (said += String(text)));
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  const gaveUp = once(child, "exit").then(() => Promise.reject(new Error(`${proxy.name} gave up: ${said}`)));
  const listening = eventually(() => Promise.all([port, tlsPort].map(reach)), 10_000);
  await Promise.race([listening, gaveUp]);
  gaveUp.catch(() => undefined);
  return { port, tlsPort };
}

/** Two ports that nobody listens to. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = servers.map(async (server) => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  });
  const free = (await Promise.all(ports)) as [number, number];
  for (const server of servers) server.close();
  return free;
}

async function reach(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
}

/** Has a certificate for this machine in the folder. */
function certify(folder: string): Pick<Place, "certificate" | "key" | "pem"> {
  const [certificate, key, pem] = ["certificate", "key", "pem"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", ["req", ...kind, ...subject, "-out", certificate, "-keyout", key], {
    stdio: "ignore",
  });
  writeFileSync(pem, readFileSync(certificate, "utf8") + readFileSync(key, "utf8"));
  return { certificate, key, pem };
}
