import { HoldfastError } from "@holdfast/core";
import { unavailable } from "./errors.ts";
import { type PostgresPool, takeClient } from "./pool.ts";
import { createSql, updateSql, LAYOUT } from "./sql/index.ts";

/** The name of the schema that the store uses unless it is given another one. */
export const DEFAULT_SCHEMA = "holdfast";

/** @throws `INVALID_OPTION` for what would need quotes, or is too long for the names of channels */
export function checkSchema(schema: string): void {
  if (typeof schema === "string" && /^[a-z_][a-z0-9_]{0,39}$/.test(schema)) return;
  const message = "`schema` must be a name of at most 40 lower-case letters, digits and underscores.";
  throw new HoldfastError("INVALID_OPTION", message, { expose: false });
}

/**
 * The SQL that `migrate` executes in a database without the schema: to be read first, or to become a migration of the service's
 * own.
 *
 * @param schema the name of the schema. Default `holdfast`
 * @throws `INVALID_OPTION`
 *
 * @example
 * console.log(migrationSql());
 */
export function migrationSql(schema: string = DEFAULT_SCHEMA): string {
  checkSchema(schema);
  return createSql(schema).trim();
}

/** Creates the schema, or brings its functions up to date, in one transaction. */
export async function migrate(pool: PostgresPool, schema: string): Promise<void> {
  // The statement that is under way, or the next one, fails as well.
  const ignore = (): void => undefined;
  const client = await takeClient(pool, ignore).catch((error: unknown) => {
    throw unavailable(error);
  });
  let isDone = false;
  try {
    await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    // Two processes may start at once.
    await client.query("SELECT pg_advisory_xact_lock(hashtext($1))", [`${schema}.migrate`]);
    const row = async (text: string, ...values: unknown[]): Promise<Record<string, unknown> | undefined> =>
      [await client.query(text, values)].flat()[0]?.rows[0];
    const encoding = String((await row("SHOW server_encoding"))?.["server_encoding"]);
    if (encoding !== "UTF8")
      throw unavailable(undefined, `the database has the encoding ${encoding}, not UTF8`);
    if ((await row("SELECT quote_ident($1) AS name", schema))?.["name"] !== schema)
      throw unavailable(undefined, `the schema cannot be called ${schema}, which is a key word of SQL`);
    const settings = await row("SELECT to_regclass($1)::text AS name", `${schema}.settings`);
    if (typeof settings?.["name"] !== "string") await client.query(createSql(schema));
    else {
      const layout = (await row(`SELECT value FROM ${schema}.settings WHERE name = 'layout'`))?.["value"];
      if (layout !== undefined && layout !== String(LAYOUT)) {
        throw unavailable(
          undefined,
          `the schema ${schema} has layout ${JSON.stringify(layout)}, not ${LAYOUT}`,
        );
      }
      await client.query(updateSql(schema));
    }
    await client.query("COMMIT");
    isDone = true;
  } catch (error) {
    throw HoldfastError.is(error) ? error : unavailable(error);
  } finally {
    client.removeListener("error", ignore);
    client.release(!isDone);
  }
}
