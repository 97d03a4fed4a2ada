import type { Message, Store } from "@holdfast/core";
import type { Pool } from "pg";
import { expect } from "vitest";
import { eventually } from "../../../conformance/src/harness/eventually.ts";

/** The frames of an id as text; none where the store does not know it. */
export async function texts(store: Store, id: string): Promise<readonly string[]> {
  const page = await store.read(id, null, { frames: 100_000, bytes: 100_000_000 });
  return page.code === "ok" ? page.frames.map((frame) => Buffer.from(frame).toString()) : [];
}

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
