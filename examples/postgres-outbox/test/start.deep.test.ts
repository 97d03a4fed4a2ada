import { join } from "node:path";
import { expect, test } from "vitest";
import { startPostgres } from "../../common/own-postgres.ts";
import { runMachines } from "../../common/test/run-machines.ts";
import { runServer } from "../../common/test/run-server.ts";
import type { Machines } from "../events.ts";
import { hasPostgres } from "./run-example.ts";

const script = join(import.meta.dirname, "../start.ts");

test("an invalid port ends the example with a message", async () => {
  const server = runServer(script, { PORT: "http" });
  expect(await server.firstLine("stderr")).toBe("PORT must be a number from 0 to 65535, not http.");
  expect(await server.exited()).toBe(1);
});

test("a database that does not answer ends the example with a message", async () => {
  const server = runServer(script, { PORT: "0", DATABASE_URL: "postgres://127.0.0.1:1/none" });
  expect(await server.firstLine("stderr")).toMatch(/^The tables could not be created\. /);
  expect(await server.exited()).toBe(1);
});

test.skipIf(!hasPostgres)("it runs on a database that it did not start, and twice", async () => {
  const postgres = await startPostgres({ fsync: "off" });
  try {
    for (let run = 0; run < 2; run++) {
      const example = await runMachines<"a", Machines>(script, ["a"], { DATABASE_URL: postgres.url });
      const order = await fetch(`${example.urlOf("a")}/orders`, { method: "POST" });
      // The orders of the last run are gone.
      expect(await order.json()).toMatchObject({ order: 1, attempt: 1 });
      expect(example.machines().postgres.url).toBe(postgres.url);
    }
  } finally {
    postgres.stop();
  }
});
