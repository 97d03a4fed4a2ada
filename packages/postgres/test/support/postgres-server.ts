import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool, type PoolConfig } from "pg";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { findOrInstall } from "../../../../examples/common/test/find-or-install.ts";

const VERSIONS = "/usr/lib/postgresql";

/** Debian has the server's programs in a folder for each version, and this one on the PATH. */
const isInstalled = findOrInstall("postgresql", "pg_ctlcluster") !== undefined;

/** Where the programs of the server are; `undefined` where there are none. */
export const programs: string | undefined = isInstalled
  ? join(VERSIONS, readdirSync(VERSIONS).at(-1) as string, "bin")
  : undefined;

/** A Postgres for one test file, in a folder in memory where there is one. Its disk is not waited for. */
export interface PostgresServer {
  readonly port: number;
  /** Creates a pool, which is ended with the server. */
  pool(config?: PoolConfig): Pool;
  stop(): Promise<void>;
  /** Restarts it with its data. `immediate` is a crash. */
  restart(how?: "fast" | "immediate"): Promise<void>;
}

/** Starts a server before the tests of a file or a `describe`, and stops it behind them. */
export function usePostgres(): () => PostgresServer {
  let running: PostgresServer;
  beforeAll(async () => {
    running = await startPostgres();
  });
  afterAll(() => running.stop());
  return () => running;
}

async function startPostgres(): Promise<PostgresServer> {
  if (programs === undefined) throw new Error("There is no Postgres.");
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "holdfast-postgres-"));
  const identity = otherThanRoot(folder);
  const data = join(folder, "data");
  const as = { ...identity, cwd: folder };
  execFileSync(
    join(programs, "initdb"),
    ["-D", data, "-U", "holdfast", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
    { ...as, stdio: "ignore" },
  );
  const port = await freePort();
  const settings = ["-p", `${port}`, "-k", folder];
  for (const setting of ["fsync=off", "max_connections=50", "track_commit_timestamp=on"])
    settings.push("-c", setting);
  const pools = new Set<Pool>();
  let server: ChildProcess;

  async function start(): Promise<void> {
    const child = spawn(join(programs as string, "postgres"), ["-D", data, "-h", "127.0.0.1", ...settings], {
      ...as,
      stdio: ["ignore", "ignore", "pipe"],
    });
    server = child;
    let log = "";
    for await (const line of child.stderr.iterator({ destroyOnReturn: false })) {
      log += String(line);
      if (log.includes("ready to accept connections")) break;
    }
    child.stderr.resume();
    if (child.exitCode !== null) throw new Error(log);
  }

  async function stopProcess(signal: "SIGINT" | "SIGQUIT" = "SIGINT"): Promise<void> {
    const exited = once(server, "exit");
    server.kill(signal);
    await exited;
  }

  await start();
  return {
    port,
    pool(config) {
      const pool = new Pool({ host: "127.0.0.1", port, user: "holdfast", database: "postgres", ...config });
      pool.on("error", () => undefined);
      pools.add(pool);
      return pool;
    },
    async stop() {
      await stopProcess();
      for (const pool of pools) if (!pool.ended) void pool.end();
      rmSync(folder, { recursive: true, force: true });
    },
    async restart(how = "fast") {
      await stopProcess(how === "fast" ? "SIGINT" : "SIGQUIT");
      await start();
    },
  };
}

let schemas = 0;

/** A schema of its own, and two pools. They are closed behind the test. */
export async function createPools(
  server: PostgresServer,
): Promise<{ readonly schema: string; readonly pools: readonly [Pool, Pool] }> {
  const pools = [server.pool(), server.pool()] as const;
  onTestFinished(async () => void (await Promise.all(pools.map((pool) => pool.end()))));
  return { schema: newSchema(), pools };
}

/** The name of a schema that no other test uses. */
export function newSchema(): string {
  return `test_${++schemas}`;
}

/** A port that is not in use. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Postgres refuses to run as root. */
function otherThanRoot(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (option: string): number => Number(execFileSync("id", [option, "postgres"]));
  const identity = { uid: idOf("-u"), gid: idOf("-g") };
  chownSync(folder, identity.uid, identity.gid);
  return identity;
}
