import { randomUUID } from "node:crypto";
import { postgresStore } from "@holdfast/postgres";
import { createSwitches, Machines as Processes } from "../common/machine-switches.ts";
import { startPostgres } from "../common/own-postgres.ts";
import { readPort, servePage, stop } from "../common/serve-page.ts";
import { createPool } from "./database.ts";
import type { Ledger, Machines } from "./events.ts";
import { watchLedger } from "./ledger-watch.ts";
import { SCHEMA } from "./orders.ts";

const port = readPort();
const own = process.env.DATABASE_URL
  ? undefined
  : await startPostgres().catch((error: Error) => stop(error.message));
process.env.DATABASE_URL ||= own?.url;
const url = new URL(process.env.DATABASE_URL as string);
url.password = "";

// A service does this before a release: `npx @holdfast/postgres migrate`, and its own migrations.
const pool = createPool();
await postgresStore({ pool })
  .migrate()
  .then(() => pool.query(SCHEMA))
  .catch((error: Error) => stop(`The tables could not be created. ${error.message}`));

const env = { ORIGIN: "", CHANNEL: `orders-${randomUUID().slice(0, 8)}` };
const processes = new Processes(import.meta.dirname, { a: "web.ts", b: "web.ts", worker: "worker.ts" }, env);
let ledger: Ledger = { committed: 0, rolledBack: 0, open: 0, isSettled: false };
void watchLedger(pool, (changed) => {
  ledger = changed;
  processes.changed();
});

function machines(): Machines {
  const { a, b, worker } = processes.runners;
  const postgres = { status: "running", pid: own?.process.pid, url: url.href } as const;
  return { a: a.state, b: b.state, worker: worker.state, postgres, ledger };
}

servePage(createSwitches(import.meta.dirname, processes, machines), port, processes, (origin) => {
  env.ORIGIN = origin;
});
own?.process.once("exit", () => stop("Postgres has exited, so the example stops."));
