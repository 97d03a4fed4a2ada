import type { Pool, PoolClient } from "pg";
import type { PostgresPool } from "../../src/index.ts";

/** A pool with other methods in place of some of its clients'. */
export function changedPool(
  pool: Pool,
  change: (client: PoolClient) => Readonly<Record<string, unknown>>,
): PostgresPool {
  return {
    async connect() {
      const client = await pool.connect();
      const changed = change(client);
      return new Proxy(client, {
        get(target, name) {
          if (typeof name === "string" && Object.hasOwn(changed, name)) return changed[name];
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        },
      });
    },
  };
}
