/** What a query returns. */
export interface PostgresResult {
  /** The rows, as objects. */
  readonly rows: readonly Record<string, unknown>[];
}

/** What the store needs of a client of a pool: a `PoolClient` of `pg`. */
export interface PostgresClient {
  /** Runs a statement, or several without values. */
  query(text: string, values?: unknown[]): Promise<PostgresResult | PostgresResult[]>;
  /** Adds a listener of `notification`, `error` or `end`. */
  on(event: string, listener: (argument: unknown) => void): unknown;
  /** Removes a listener. */
  removeListener(event: string, listener: (argument: unknown) => void): unknown;
  /** Gives the client back to its pool, which closes it if this is `true`. */
  release(destroy?: boolean): void;
}

/** What the store needs of a pool: a `Pool` of `pg` 8 or newer. */
export interface PostgresPool {
  /** Takes a client out of the pool. */
  connect(): Promise<PostgresClient>;
}
