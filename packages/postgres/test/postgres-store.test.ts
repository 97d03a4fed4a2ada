import { setTimeout as pause } from "node:timers/promises";
import { storeSuite } from "@holdfast/conformance/store-suite";
import type { Pool } from "pg";
import { beforeAll, describe, test } from "vitest";
import { postgresStore } from "../src/index.ts";
import { programs, usePostgres } from "./support/postgres-server.ts";
import { removeRows } from "./support/tables.ts";

describe.skipIf(programs === undefined)("on Postgres", () => {
  const server = usePostgres();
  let pools: [Pool, Pool];
  beforeAll(async () => {
    pools = [server().pool(), server().pool()];
    await postgresStore({ pool: pools[0] }).migrate();
  });

  storeSuite(
    { describe, test },
    {
      name: "as two machines have it",
      async open() {
        const [store, other] = pools.map((pool) => postgresStore({ pool })) as [
          ReturnType<typeof postgresStore>,
          ReturnType<typeof postgresStore>,
        ];
        return {
          store,
          other,
          flush: () => removeRows(pools[0], "holdfast"),
          pause: (ms) => pause(ms),
          close: () => removeRows(pools[0], "holdfast"),
        };
      },
    },
  );
});
