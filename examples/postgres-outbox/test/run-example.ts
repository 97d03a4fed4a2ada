import { join } from "node:path";
import { findOrInstall } from "../../common/test/find-or-install.ts";
import { type RunningMachines, runMachines } from "../../common/test/run-machines.ts";
import type { Ledger, Machines } from "../events.ts";

export const hasPostgres: boolean = findOrInstall("postgresql", "pg_ctlcluster") !== undefined;

type Name = "a" | "b" | "worker";

export interface RunningExample extends RunningMachines<Machines, Name> {
  /** Sends an order to a web server. Resolves with the status of its answer, or `undefined` if it has died meanwhile. */
  place(server: "a" | "b", rollBack?: boolean): Promise<number | undefined>;
  readonly ledger: () => Ledger;
}

/** Runs the example with its own Postgres until the test is finished. */
export async function runExample(): Promise<RunningExample> {
  const script = join(import.meta.dirname, "../start.ts");
  const example = await runMachines<Name, Machines>(script, ["a", "b", "worker"], { DATABASE_URL: "" });
  return {
    ...example,
    ledger: () => example.machines().ledger,
    place: (server, rollBack = false) =>
      fetch(`${example.urlOf(server)}/orders`, { method: "POST", body: JSON.stringify({ rollBack }) }).then(
        ({ status }) => status,
        () => undefined,
      ),
  };
}
