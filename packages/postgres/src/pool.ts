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
  /**
   * Takes a client out of the pool. One that was connected for it is given to the callback at once: a pool that ignores the
   * callback, and returns a promise instead, hands a client over a moment later, and an error in that moment has no listener.
   */
  connect(
    callback?: (error: Error | undefined, client: PostgresClient | undefined) => void,
  ): Promise<PostgresClient> | void;
}

/**
 * Takes a client out of a pool, with a listener of its errors. Without one, the error of a client that no statement waits for
 * ends the process.
 */
export function takeClient(pool: PostgresPool, onError: (error: unknown) => void): Promise<PostgresClient> {
  return new Promise((resolve, reject) => {
    const take = (client: PostgresClient): void => {
      client.on("error", onError);
      resolve(client);
    };
    const promise = pool.connect((error, client) => {
      if (client === undefined) reject(error as Error);
      else take(client);
    });
    promise?.then(take, reject);
  });
}
