import type { Clock } from "@holdfast/core";
import { withTimeout } from "@holdfast/core/internal";
import type { Health } from "@holdfast/core/store-kit";
import { brokenStream, isAboutId, isCollision, keepsConnection, unavailable } from "./errors.ts";
import { type PostgresClient, type PostgresPool, type PostgresResult, takeClient } from "./pool.ts";
import { LAYOUT } from "./sql/index.ts";

export interface DatabaseOptions {
  readonly pool: PostgresPool;
  readonly schema: string;
  /** How long a call may take, in ms. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly health: Health;
}

type Row = Record<string, unknown>;

/** Without values: several statements, of which the last result counts that has rows. */
interface Statement {
  readonly text: string;
  readonly values?: unknown[];
}

/** Runs statements on clients of the pool. Rejects only with `STORE_UNAVAILABLE`. */
export class Database {
  readonly #options: DatabaseOptions;
  /** Resolves when the schema was found to have the layout of this version. */
  #checked: Promise<void> | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /** Calls a function of the schema, and returns the rows of its result. */
  async call(kind: "read" | "write", name: string, values: readonly unknown[]): Promise<readonly Row[]> {
    const places = values.map((_, index) => `$${index + 1}`);
    const text = `SELECT * FROM ${this.#options.schema}.${name}(${places.join()})`;
    await this.#checkLayout();
    return this.#run(kind, { text, values: [...values] });
  }

  /** Calls a function that writes and has one result. */
  async value(name: string, values: readonly unknown[]): Promise<unknown> {
    const [row] = await this.call("write", name, values);
    return row?.[name];
  }

  /** Runs one statement. */
  query(text: string, values: unknown[]): Promise<readonly Row[]> {
    return this.#run("read", { text, values });
  }

  /**
   * Runs several statements in one transaction, whatever level of isolation the role has. The health does not hear of them: one
   * that has nothing to write says nothing about the disk, and one that fails says nothing about the calls.
   */
  async block(text: string): Promise<readonly Row[]> {
    await this.#checkLayout();
    return this.#run(undefined, { text: `BEGIN ISOLATION LEVEL READ COMMITTED; ${text}; COMMIT` });
  }

  #checkLayout(): Promise<void> {
    const checked = (this.#checked ??= this.#readLayout());
    checked.catch(() => {
      if (this.#checked === checked) this.#checked = undefined;
    });
    return checked;
  }

  async #readLayout(): Promise<void> {
    const { schema, health } = this.#options;
    const text = `SELECT value FROM ${schema}.settings WHERE name = 'layout'`;
    const found = (await this.#run("read", { text, values: [] }))[0]?.["value"];
    if (found === undefined || found === String(LAYOUT)) return;
    health.report("read", false);
    const reason = `the schema ${schema} has layout ${JSON.stringify(found)}, and this version of @holdfast/postgres uses layout ${LAYOUT}`;
    throw unavailable(undefined, reason);
  }

  async #run(kind: "read" | "write" | undefined, statement: Statement): Promise<readonly Row[]> {
    const { health, clock, timeout } = this.#options;
    const attempt = new Attempt(this.#options.pool);
    try {
      const rows = await withTimeout(clock, timeout, () => attempt.run(statement));
      if (kind !== undefined) health.report(kind, true);
      return rows;
    } catch (error) {
      if (isAboutId(error)) throw brokenStream(error);
      this.#checked = undefined;
      if (kind !== undefined) health.report(kind, false);
      throw unavailable(error);
    } finally {
      attempt.abandon();
    }
  }
}

/** One statement on a client of the pool, until it is abandoned: a client that does not answer is not given back. */
class Attempt {
  readonly #pool: PostgresPool;
  #client: PostgresClient | undefined;
  #isOver = false;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async run({ text, values }: Statement): Promise<readonly Row[]> {
    for (;;) {
      this.#client = await takeClient(this.#pool, ignore);
      const client = this.#client;
      if (this.#isOver) {
        this.#release(false);
        return [];
      }
      try {
        const result = await (values === undefined ? client.query(text) : client.query(text, values));
        this.#release(false);
        return rowsOf(result);
      } catch (error) {
        // An error inside of a block leaves its transaction open.
        this.#release(values === undefined || !keepsConnection(error));
        if (!isCollision(error) || this.#isOver) throw error;
      }
    }
  }

  abandon(): void {
    this.#isOver = true;
    this.#release(true);
  }

  #release(destroy: boolean): void {
    const client = this.#client;
    this.#client = undefined;
    client?.removeListener("error", ignore);
    client?.release(destroy);
  }
}

/** The statement that is under way fails, too. */
function ignore(): void {}

function rowsOf(result: PostgresResult | PostgresResult[]): readonly Row[] {
  return Array.isArray(result) ? result.flatMap(({ rows }) => rows) : result.rows;
}
