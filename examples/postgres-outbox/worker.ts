import { setTimeout } from "node:timers/promises";
import { createPool } from "./database.ts";
import { RolledBack, shipOrder } from "./orders.ts";

/** How long it takes to pack an order. Its transaction is open meanwhile. */
const PACK_MS = 100;
/** How long the worker waits when there is nothing to do, or after an error. */
const PAUSE_MS = 200;

const pool = createPool();

// The process that started this one has exited.
process.once("disconnect", () => process.exit());
process.send?.({});

for (;;) {
  try {
    const order = await shipOrder(pool, async ({ attempt }) => {
      await setTimeout(PACK_MS);
      // The parcel has burst: its transaction is rolled back, and the order is packed again.
      if (attempt % 3 === 0) throw new RolledBack();
    });
    if (order === undefined) await setTimeout(PAUSE_MS);
  } catch (error) {
    if (error instanceof RolledBack) continue;
    console.error("An order could not be shipped:", error);
    await setTimeout(PAUSE_MS);
  }
}
