import { setTimeout } from "node:timers/promises";
import type { Pool } from "pg";
import type { Ledger } from "./events.ts";
import { readLedger } from "./orders.ts";

const INTERVAL_MS = 200;
/** For how long nothing must change before the ledger is settled. */
const SETTLED_MS = 2_000;

/** Reads the ledger again and again, and passes on what has changed. It never ends. */
export async function watchLedger(pool: Pool, onChange: (ledger: Ledger) => void): Promise<never> {
  let last = "";
  let changedAt = 0;
  let isSettled = false;
  for (;;) {
    try {
      const ledger = await readLedger(pool);
      const text = JSON.stringify(ledger);
      const now = performance.now();
      if (text !== last) {
        last = text;
        changedAt = now;
        isSettled = false;
        onChange({ ...ledger, isSettled });
      } else if (!isSettled && ledger.open === 0 && now - changedAt > SETTLED_MS) {
        isSettled = true;
        onChange({ ...ledger, isSettled });
      }
    } catch (error) {
      console.error("The ledger could not be read:", error);
    }
    await setTimeout(INTERVAL_MS);
  }
}
