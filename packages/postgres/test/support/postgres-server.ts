import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { Pool, type PoolConfig } from "pg";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { findPrograms, startPostgres } from "../../../../examples/common/own-postgres.ts";
import { findOrInstall } from "../../../../examples/common/test/find-or-install.ts";

/** Debian has the server's programs in a folder for each version, and this one on the PATH. */
const isInstalled = findOrInstall("postgresql", "pg_ctlcluster") !== undefined;

/** Where the programs of the server are; `undefined` where there are none. */
export const programs: string | undefined = isInstalled ? findPrograms() : undefined;

/** A Postgres for one test file, in a folder in memory where there is one. Its disk is not waited for. */
export interface PostgresServer {
  readonly port: number;
  /** Creates a pool, which is ended with the server. */
  pool(config?: PoolConfig): Pool;
  stop(): void;
  /** Restarts it with its data. `immediate` is a crash. */
  restart(how: "fast" | "immediate"): Promise<void>;
}

/** Starts a server before the tests of a file or a `describe`, and stops it behind them. */
export function usePostgres(): () => PostgresServer {
  let running: PostgresServer;
  beforeAll(async () => {
    running = await startServer();
  });
  afterAll(() => running.stop());
  return () => running;
}

async function startServer(): Promise<PostgresServer> {
  const settings = { fsync: "off", max_connections: "50", track_commit_timestamp: "on" };
  const server = await startPostgres(settings, existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
  const pools = new Set<Pool>();
  return {
    port: server.port,
    pool(config) {
      const { port } = server;
      const pool = new Pool({ host: "127.0.0.1", port, user: "holdfast", database: "postgres", ...config });
      pool.on("error", () => undefined);
      pools.add(pool);
      return pool;
    },
    stop() {
      server.stop();
      for (const pool of pools) if (!pool.ended) void pool.end();
    },
    restart: (how) => server.restart(how),
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
