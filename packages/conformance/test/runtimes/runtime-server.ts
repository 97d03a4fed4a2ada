import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { AdapterUnderTest } from "@holdfast/conformance";
import { bundleModule } from "../support/bundle.ts";
import type { Runtime } from "./find-runtime.ts";
import type { AdapterName } from "./servers/adapters.ts";

type FetchRuntime = Exclude<Runtime, "node22" | "node26">;

const ARGUMENTS: Readonly<Record<FetchRuntime, readonly string[]>> = {
  bun: ["server.js"],
  deno: ["run", "--no-config", "--no-lock", "--allow-net", "--allow-env=ADAPTER", "server.js"],
  workerd: ["serve", "server.capnp", "--control-fd=1"],
};

const SERVERS = join(import.meta.dirname, "servers");

/** A server in another process. */
interface RuntimeServer {
  readonly port: number;
  readonly tell: (message: string) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Starts an adapter in another runtime: one process for all tests of a file. */
export function inRuntime(
  runtime: FetchRuntime,
  binary: string | undefined,
  adapter: AdapterName,
): AdapterUnderTest["start"] {
  let server: Promise<RuntimeServer> | undefined;
  afterAll(async () => (await server)?.stop());
  return async () => {
    server ??= startServer(runtime, binary ?? runtime, adapter);
    const { port, tell } = await server;
    return { port, tell, close: async () => undefined };
  };
}

async function startServer(
  runtime: FetchRuntime,
  binary: string,
  adapter: AdapterName,
): Promise<RuntimeServer> {
  const folder = await mkdtemp(join(tmpdir(), `holdfast-${runtime}-`));
  await bundleModule(join(SERVERS, `${runtime}.ts`), join(folder, "server.js"));
  await cp(join(SERVERS, "server.capnp"), join(folder, "server.capnp"));
  const child = spawn(binary, ARGUMENTS[runtime], {
    cwd: folder,
    env: { ...process.env, ADAPTER: adapter },
    stdio: ["ignore", "pipe", "pipe"],
  });
  killWithParent(child);
  let output = "";
  child.stderr.on("data", (chunk) => (output = `${output}${chunk}`.slice(-4_000)));
  const exited = once(child, "exit").then(([code, signal]) => {
    throw new Error(`${runtime} exited: ${code ?? signal}.\n${output}`);
  });
  exited.catch(() => undefined);
  // The only number in its first line is the port.
  const [line] = await Promise.race([once(child.stdout, "data"), exited]);
  // By now it has read its files.
  await rm(folder, { recursive: true });
  const port = Number(/\d+/.exec(String(line))?.[0]);
  const url = `http://127.0.0.1:${port}/tell`;
  return {
    port,
    async tell(message) {
      const answer = fetch(url, { method: "POST", body: message }).then((response) => response.text());
      return Promise.race([answer, exited]);
    },
    async stop() {
      child.kill("SIGKILL");
      await exited.catch(() => undefined);
    },
  };
}

/**
 * Kills a process when this one exits, for whatever reason: the watcher's read ends then. The watcher ignores signals that
 * are sent to the whole process group, because workerd reacts to them by waiting for its clients.
 */
function killWithParent(child: ChildProcess): void {
  const watcher = spawn("sh", ["-c", `trap "" HUP INT TERM; read -r nothing; kill -9 ${child.pid}`], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.once("exit", () => watcher.kill("SIGKILL"));
}
