import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { AdapterUnderTest } from "@holdfast/conformance";
import { bundleModule } from "../support/bundle.ts";
import type { Runtime } from "./runtimes.ts";
import type { AdapterName } from "./servers/adapters.ts";

type FetchRuntime = Exclude<Runtime, "node22" | "node26">;

const ARGUMENTS: Readonly<Record<FetchRuntime, readonly string[]>> = {
  bun: ["server.js"],
  deno: ["run", "--no-config", "--no-lock", "--allow-net", "--allow-env=ADAPTER", "server.js"],
  workerd: ["serve", "server.capnp", "--control-fd=1"],
};

const SERVERS = join(import.meta.dirname, "servers");

/** A server in a process of its own. */
interface Server {
  readonly port: number;
  readonly tell: (message: string) => Promise<string>;
  readonly end: () => Promise<void>;
}

/** Serves through an adapter in another runtime: one process for all tests of a file. */
export function inRuntime(
  runtime: FetchRuntime,
  binary: string | undefined,
  adapter: AdapterName,
): AdapterUnderTest["start"] {
  let server: Promise<Server> | undefined;
  afterAll(async () => (await server)?.end());
  return async () => {
    server ??= startServer(runtime, binary ?? runtime, adapter);
    const { port, tell } = await server;
    return { port, tell, close: async () => undefined };
  };
}

async function startServer(runtime: FetchRuntime, binary: string, adapter: AdapterName): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), `holdfast-${runtime}-`));
  await bundleModule(join(SERVERS, `${runtime}.ts`), join(folder, "server.js"));
  await cp(join(SERVERS, "server.capnp"), join(folder, "server.capnp"));
  const child = spawn(binary, ARGUMENTS[runtime], {
    cwd: folder,
    env: { ...process.env, ADAPTER: adapter },
    stdio: ["ignore", "pipe", "pipe"],
  });
  endWithUs(child);
  let said = "";
  child.stderr.on("data", (chunk) => (said = `${said}${chunk}`.slice(-4_000)));
  const gone = once(child, "exit").then(([code, signal]) => {
    throw new Error(`${runtime} has gone: ${code ?? signal}.\n${said}`);
  });
  gone.catch(() => undefined);
  // Its first line has one number in it, whatever else.
  const [line] = await Promise.race([once(child.stdout, "data"), gone]);
  // By then it has read what is its own.
  await rm(folder, { recursive: true });
  const port = Number(/\d+/.exec(String(line))?.[0]);
  const url = `http://127.0.0.1:${port}/tell`;
  return {
    port,
    async tell(message) {
      const answer = fetch(url, { method: "POST", body: message }).then((response) => response.text());
      return Promise.race([answer, gone]);
    },
    async end() {
      child.kill("SIGKILL");
      await gone.catch(() => undefined);
    },
  };
}

/**
 * Ends a process when this one ends, whatever ends it: then there is nothing more to read. A signal that is sent to all
 * of us is for others: workerd waits for its clients then.
 */
function endWithUs(child: ChildProcess): void {
  const watch = spawn("sh", ["-c", `trap "" HUP INT TERM; read -r nothing; kill -9 ${child.pid}`], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.once("exit", () => watch.kill("SIGKILL"));
}
