import { readdirSync, readFileSync } from "node:fs";
import { postgresStore } from "@holdfast/postgres";
import { Pool } from "pg";
import { startPostgres as startServer } from "../../examples/common/own-postgres.ts";
import type { StoreServer } from "./store-session.ts";

/** Starts a Postgres for one measurement. It waits for its disk, as that of a service does. */
export async function startPostgres(): Promise<StoreServer> {
  const server = await startServer();
  const pool = new Pool({ connectionString: server.url });
  await postgresStore({ pool }).migrate();
  await pool.end();
  const { pid } = server.process;
  return {
    place: server.url,
    cpu: () => cpuOfFamily(pid as number),
    async [Symbol.asyncDispose]() {
      server.stop();
    },
  };
}

/** In /proc, times are in ticks of 10 ms. */
const TICK_US = 10_000;

/** CPU time of a process and all of its children, also of those that have exited, in microseconds. */
function cpuOfFamily(parent: number): number {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .reduce((sum, pid) => sum + (cpuOf(pid, parent) ?? 0), 0);
}

function cpuOf(pid: number, parent: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (pid !== parent && Number(fields[1]) !== parent) return undefined;
    // utime and stime of the process, and those of the children that it has waited for.
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_US;
  } catch {
    // It has exited meanwhile.
    return undefined;
  }
}
