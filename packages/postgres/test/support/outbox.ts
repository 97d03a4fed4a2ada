import type { Message } from "@holdfast/core";
import type { Pool } from "pg";
import { expect } from "vitest";
import { eventually } from "../../../conformance/src/harness/eventually.ts";

/** Runs statements in one transaction. */
export async function inTransaction(pool: Pool, ...statements: readonly string[]): Promise<void> {
  const client = await pool.connect();
  let isDone = false;
  try {
    for (const statement of ["BEGIN", ...statements, "COMMIT"]) await client.query(statement);
    isDone = true;
  } finally {
    client.release(!isDone);
  }
}

/** Calls `push` until all readers of its channel have read something: a reader gets only what comes behind its start. */
export async function startReaders(
  readers: readonly AsyncIterator<Message>[],
  push: () => Promise<unknown>,
): Promise<void> {
  let waiting = readers.length;
  const firsts = readers.map(async (reader) => {
    await reader.next();
    waiting--;
  });
  await eventually(async () => {
    await push();
    expect(waiting).toBe(0);
  });
  await Promise.all(firsts);
}
