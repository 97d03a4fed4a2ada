// Covers src/bin.ts, and the example in the README.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { migrationSql, postgresStore } from "../src/index.ts";
import { run as runExample } from "./readme-example.ts";
import { programs, usePostgres } from "./support/postgres-server.ts";
import { STREAM } from "../../core/test/support/store-calls.ts";

const PACKAGE = join(import.meta.dirname, "..");

async function run(...args: string[]): Promise<string> {
  const { DATABASE_URL: _, ...env } = process.env;
  const command = ["--conditions=@holdfast/source", join(PACKAGE, "src/bin.ts"), ...args];
  return (await promisify(execFile)(process.execPath, command, { cwd: PACKAGE, env })).stdout;
}

test("`sql` prints what `migrate` executes", async () => {
  expect(await run("sql", "--schema", "events")).toBe(`${migrationSql("events")}\n`);
});

test.for([[[]], [["migrate"]], [["drop"]], [["sql", "--schema", "a b"]]] as const)(
  "%j fails, and says why",
  async ([args]) => {
    await expect(run(...args)).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/\w/) });
  },
);

describe.skipIf(programs === undefined)("with a server", () => {
  const server = usePostgres();

  test("`migrate` creates the schema, once", async () => {
    const url = `postgres://holdfast@127.0.0.1:${server().port}/postgres`;
    for (let round = 0; round < 2; round++) {
      expect(await run("migrate", "--url", url, "--schema", "events")).toBe(
        "The schema events is up to date.\n",
      );
    }
    const store = postgresStore({ pool: server().pool(), schema: "events" });
    expect(await store.open("job", STREAM)).toMatchObject({ role: "producer" });
  });

  test("the printed SQL makes a schema that works", async () => {
    const pool = server().pool();
    await pool.query(migrationSql("printed"));
    expect(await postgresStore({ pool, schema: "printed" }).open("job", STREAM)).toMatchObject({
      role: "producer",
    });
  });

  test("the example in the README prints what it promises", async () => {
    const readme = await readFile(join(PACKAGE, "README.md"), "utf8");
    const example = await readFile(join(PACKAGE, "test/readme-example.ts"), "utf8");
    expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);
    const lines: string[] = [];
    await runExample(server().pool(), (line) => void lines.push(line));
    expect(lines).toEqual(["1 of 1, done"]);
  });
});
