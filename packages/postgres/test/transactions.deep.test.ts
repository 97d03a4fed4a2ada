// The promise of `push` in a transaction, at a size: `pnpm transactions:postgres` pushes 10,000 events.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createRegistry } from "@holdfast/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { postgresStore } from "../src/index.ts";
import { inTransaction, startReaders } from "./support/outbox.ts";
import { programs, usePostgres } from "./support/postgres-server.ts";

const PUSHES = Number(process.env["HOLDFAST_PUSHES"] ?? 2_000);
/** For how long one transaction is open at least, in ms. */
const OPEN = PUSHES >= 10_000 ? 3_000 : 500;
const CHANNELS = ["hot", "other"] as const;

interface Transaction {
  readonly name: string;
  readonly statements: readonly string[];
  readonly isCommitted: boolean;
  /** What is pushed to each channel, in order. */
  readonly pushed: Readonly<Record<string, readonly string[]>>;
}

/** Every third is rolled back, every fourth is serializable, and every fifth pushes to both channels, in either order. */
function createTransaction(number: number): Transaction {
  const name = `t${number}`;
  const channels = number % 10 === 0 ? [...CHANNELS].reverse() : number % 5 === 0 ? CHANNELS : ["hot"];
  const pushed: Record<string, string[]> = {};
  const pushes = Array.from({ length: 1 + (number % 4) }, (_, index) => {
    const channel = channels[index % channels.length] as string;
    (pushed[channel] ??= []).push(`${name}.${index}`);
    return `SELECT holdfast.push('${channel}', 'order', '${name}.${index}')`;
  });
  const isCommitted = number % 3 !== 0;
  return {
    name,
    isCommitted,
    pushed,
    statements: [
      `BEGIN ISOLATION LEVEL ${number % 4 === 0 ? "SERIALIZABLE" : "READ COMMITTED"}`,
      ...pushes,
      `INSERT INTO done (name) VALUES ('${name}')`,
      isCommitted ? "COMMIT" : "ROLLBACK",
    ],
  };
}

describe.skipIf(programs === undefined)("transactions on four connections", { timeout: 900_000 }, () => {
  const server = usePostgres();

  test("reach every reader in the order of their commits, and those that are rolled back reach nobody", async () => {
    const pools = [server().pool(), server().pool()];
    const [pool] = pools as [(typeof pools)[0]];
    const stores = pools.map((one) => postgresStore({ pool: one }));
    await stores[0]?.migrate();
    await pool.query("CREATE TABLE done (name text, xid xid DEFAULT pg_current_xact_id()::xid)");

    const transactions: Transaction[] = [];
    let pushes = 0;
    while (pushes < PUSHES) {
      const transaction = createTransaction(transactions.length);
      transactions.push(transaction);
      pushes += Object.values(transaction.pushed).flat().length;
    }
    const shares = [0, 1, 2, 3].map((share) => transactions.filter((_, index) => index % 4 === share));
    const pushedLast = "SELECT holdfast.push('hot', 'order', 'long')";

    const registries = stores.map((store) => createRegistry({ store }));
    const readers = registries.flatMap((registry) =>
      CHANNELS.map((channel) => ({
        channel,
        read: [] as string[],
        messages: registry.subscribe(registry.channel(channel)),
      })),
    );
    onTestFinished(async () => void (await Promise.all(registries.map((registry) => registry.close()))));
    await startReaders(
      readers.map(({ messages }) => messages),
      () =>
        inTransaction(pool, ...CHANNELS.map((channel) => `SELECT holdfast.push('${channel}', 'start', '')`)),
    );
    const reading = readers.map(async ({ read, messages }) => {
      for await (const { event, data } of messages) {
        if (event === "start") continue;
        if (data === "over") return;
        read.push(data as string);
      }
    });

    const long = await pool.connect();
    await long.query("BEGIN");
    await long.query(pushedLast);
    await long.query("INSERT INTO done (name) VALUES ('long')");
    await Promise.all([
      pause(OPEN),
      ...shares.map(async (share, index) => {
        const texts = share.map(({ statements }) => statements);
        if (index % 2 === 0) return runInPsql(server().port, texts.flat());
        const client = await pool.connect();
        for (const text of texts.flat()) await client.query(text);
        client.release();
      }),
    ]);
    // Nobody has waited for it.
    await long.query("COMMIT");
    long.release();
    await inTransaction(
      pool,
      ...CHANNELS.map((channel) => `SELECT holdfast.push('${channel}', NULL, 'over')`),
    );
    await Promise.all(reading);

    const { rows } = await pool.query<{ name: string }>(
      "SELECT name FROM done ORDER BY pg_xact_commit_timestamp(xid), name = 'long'",
    );
    const byName = new Map(transactions.map((transaction) => [transaction.name, transaction]));
    expect(rows).toHaveLength(transactions.filter(({ isCommitted }) => isCommitted).length + 1);
    for (const { channel, read } of readers) {
      const expected = rows.flatMap(({ name }) =>
        name === "long" ? (channel === "hot" ? ["long"] : []) : (byName.get(name)?.pushed[channel] ?? []),
      );
      expect(read).toEqual(expected);
    }
  });
});

/** Fails if a statement does. */
async function runInPsql(port: number, statements: readonly string[]): Promise<void> {
  const where = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "holdfast", "-d", "postgres"];
  const psql = spawn(
    join(programs as string, "psql"),
    [...where, "-qX", "-v", "ON_ERROR_STOP=1", "-f", "-"],
    {
      stdio: ["pipe", "ignore", "inherit"],
    },
  );
  psql.stdin.end(statements.map((statement) => `${statement};\n`).join(""));
  expect(await once(psql, "exit")).toEqual([0, null]);
}
