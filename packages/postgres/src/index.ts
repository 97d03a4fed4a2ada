export { postgresStore } from "./postgres-store.ts";
export type { PostgresStore, PostgresStoreOptions } from "./postgres-store.ts";
export { migrationSql } from "./migrate.ts";
export type { PostgresClient, PostgresPool, PostgresResult } from "./pool.ts";
