#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DEFAULT_SCHEMA, migrate, migrationSql } from "./migrate.ts";
import type { PostgresPool } from "./pool.ts";

const HELP = `Usage: npx @holdfast/postgres migrate [--url <url>] [--schema <name>]
       npx @holdfast/postgres sql [--schema <name>]

migrate  creates the schema, or brings its functions up to date
sql      prints the SQL that migrate executes in a database without the schema

--url     the database. Default: the environment variable DATABASE_URL
--schema  the name of the schema. Default: ${DEFAULT_SCHEMA}
`;

type PoolClass = new (config: { connectionString: string }) => PostgresPool & { end(): Promise<void> };

/** The service's own `pg`, since this package has none. */
function loadPool(): PoolClass {
  const requireHere = createRequire(join(process.cwd(), "package.json"));
  return (requireHere("pg") as { Pool: PoolClass }).Pool;
}

function readVersion(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      url: { type: "string" },
      schema: { type: "string" },
      help: { type: "boolean" },
      version: { type: "boolean" },
    },
  });
  const { url = process.env["DATABASE_URL"], schema = DEFAULT_SCHEMA } = values;
  const [command, ...rest] = positionals;
  if (values.help) return void process.stdout.write(HELP);
  if (values.version) return void process.stdout.write(`${readVersion()}\n`);
  if (rest.length > 0 || (command !== "migrate" && command !== "sql")) throw new Error(`\n${HELP}`);
  const sql = migrationSql(schema);
  if (command === "sql") return void process.stdout.write(`${sql}\n`);
  if (url === undefined) throw new Error("Set DATABASE_URL, or pass --url.");
  const Pool = loadPool();
  const pool = new Pool({ connectionString: url });
  try {
    await migrate(pool, schema);
    console.log(`The schema ${schema} is up to date.`);
  } finally {
    await pool.end();
  }
}

run().catch((error: Error) => {
  const cause = error.cause instanceof Error ? `\n${error.cause.message}` : "";
  console.error(`${error.message}${cause}`);
  process.exitCode = 1;
});
