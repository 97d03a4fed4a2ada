// Covers src/errors.ts, src/connection.ts and src/write-queue.ts: each way in which a file fails.

import {
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
  closeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { type SqliteStoreOptions, sqliteStore } from "../src/index.ts";
import { LAYOUT } from "../src/tables.ts";
import { createFile } from "./support/file.ts";
import { append, healthOf, STREAM, texts } from "../../core/test/support/store-calls.ts";

function setUp(options: Partial<SqliteStoreOptions> = {}) {
  const file = createFile();
  const store = sqliteStore({ path: file.path, ...options });
  const connections: DatabaseSync[] = [];
  onTestFinished(() => {
    store.close();
    for (const connection of connections) if (connection.isOpen) connection.close();
    file.remove();
  });
  /** Another connection to the file. */
  function connect(settings: { readOnly?: boolean } = {}): DatabaseSync {
    const connection = new DatabaseSync(file.path, settings);
    connections.push(connection);
    return connection;
  }
  return { ...file, store, connect };
}

const isUnavailable = (reason: RegExp, retryable = true): unknown =>
  expect.objectContaining({ code: "STORE_UNAVAILABLE", retryable, message: expect.stringMatching(reason) });

test("a write waits for a locked file, and those behind it keep their order", async () => {
  const { store, connect } = setUp();
  await store.open("job", STREAM);
  const other = connect();
  other.exec("BEGIN IMMEDIATE");
  const appends = [1, 2, 3].map((seq) => append(store, "job", seq, [`f${seq}`]));
  // Reads are served meanwhile.
  expect(await texts(store, "job")).toEqual([]);
  other.exec("COMMIT");
  expect(await Promise.all(appends)).toEqual([1, 2, 3].map((last) => ({ code: "ok", last })));
  expect(await texts(store, "job")).toEqual(["f1", "f2", "f3"]);
});

test("a file that stays locked is unavailable, and nothing of the append is stored", async () => {
  const { store, connect } = setUp({ timeout: 30 });
  await store.open("job", STREAM);
  await append(store, "job", 1, ["f1"]);
  const { changes, stop } = healthOf(store);
  const other = connect();
  other.exec("BEGIN EXCLUSIVE");
  await expect(append(store, "job", 2, ["f2"])).rejects.toEqual(isUnavailable(/the file is locked/));
  expect(changes).toEqual([false]);
  other.exec("ROLLBACK");
  expect(await texts(store, "job")).toEqual(["f1"]);
  expect(await append(store, "job", 2, ["f2"])).toEqual({ code: "ok", last: 2 });
  expect(changes).toEqual([false, true]);
  stop();
});

test("a full file refuses writes, keeps what was acknowledged, and goes on when something is gone", async () => {
  const database = new DatabaseSync(":memory:");
  onTestFinished(() => database.close());
  const store = sqliteStore({ database });
  await store.open("old", STREAM);
  await append(store, "old", 1, ["x".repeat(50_000)]);
  await store.open("job", STREAM);
  database.exec("PRAGMA max_page_count = 100");
  const { changes, stop } = healthOf(store);

  const acknowledged: string[] = [];
  const frame = (seq: number): string => `${seq} ${"x".repeat(5_000)}`;
  let error: unknown;
  while (error === undefined) {
    const seq = acknowledged.length + 1;
    await append(store, "job", seq, [frame(seq)]).then(
      () => acknowledged.push(frame(seq)),
      (reason: unknown) => (error = reason),
    );
  }
  expect(error).toEqual(isUnavailable(/is full/));
  expect(acknowledged.length).toBeGreaterThan(10);
  await expect(store.marker()).rejects.toEqual(isUnavailable(/is full/));
  expect(await texts(store, "job")).toEqual(acknowledged);
  expect(changes).toEqual([false]);

  // A full file deletes, too, and the next write takes the room.
  await store.delete("old");
  const seq = acknowledged.length + 1;
  expect(await append(store, "job", seq, [frame(seq)])).toEqual({ code: "ok", last: seq });
  expect(await store.marker()).toEqual(expect.any(String));
  expect(await texts(store, "job")).toEqual([...acknowledged, frame(seq)]);
  expect(changes).toEqual([false, true]);
  stop();
});

test("a read-only file serves reads", async () => {
  const { store, connect } = setUp();
  await store.open("job", STREAM);
  await append(store, "job", 1, ["f1"]);
  const readOnly = sqliteStore({ database: connect({ readOnly: true }) });
  await expect(append(readOnly, "job", 2, ["f2"])).rejects.toEqual(isUnavailable(/read-only/));
  await expect(readOnly.marker()).rejects.toEqual(isUnavailable(/read-only/));
  expect(await texts(readOnly, "job")).toEqual(["f1"]);
});

test("a file that is no database is unavailable, until there is one", async () => {
  const { store, path } = setUp();
  writeFileSync(path, "This is a text.".repeat(1_000));
  await expect(store.open("job", STREAM)).rejects.toEqual(isUnavailable(/not an SQLite database/));
  await expect(texts(store, "job")).rejects.toEqual(isUnavailable(/not an SQLite database/));
  expect(readFileSync(path, "utf8")).toMatch(/^This is a text/);
  rmSync(path);
  expect(await store.open("job", STREAM)).toMatchObject({ role: "producer" });
});

test("a corrupt file is unavailable, and served again when it was restored", async () => {
  const { store, path } = setUp();
  await store.open("job", STREAM);
  for (let seq = 1; seq <= 50; seq++) await append(store, "job", seq, ["x".repeat(1_000)]);
  store.close();
  const backup = readFileSync(path);

  const file = openSync(path, "r+");
  for (let at = 4_096; at < statSync(path).size; at += 4_096)
    writeSync(file, Buffer.alloc(64, 0xff), 0, 64, at);
  closeSync(file);
  await expect(append(store, "job", 51, ["f"])).rejects.toEqual(isUnavailable(/corrupt/));
  await expect(texts(store, "job")).rejects.toEqual(isUnavailable(/corrupt/));

  truncateSync(path, 0);
  writeFileSync(path, backup);
  expect(await texts(store, "job")).toHaveLength(50);
  expect(await append(store, "job", 51, ["f"])).toEqual({ code: "ok", last: 51 });
});

test.each([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0x01021997, "9P"],
])("a file on the network file system %j is refused: %s", async (type, name) => {
  const asked: string[] = [];
  const { store, folder } = setUp({
    statfs(path) {
      asked.push(path);
      return { type };
    },
  });
  await expect(store.open("job", STREAM)).rejects.toEqual(
    isUnavailable(new RegExp(`network file system, ${name}`)),
  );
  await expect(texts(store, "job")).rejects.toEqual(isUnavailable(/network file system/));
  expect(new Set(asked)).toEqual(new Set([folder]));
});

test("a folder that does not exist is unavailable", async () => {
  const { folder } = setUp();
  const store = sqliteStore({ path: join(folder, "nowhere", "streams.db") });
  await expect(store.open("job", STREAM)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    retryable: true,
  });
});

test("a file with another layout is refused, with both layouts", async () => {
  const { store, connect } = setUp();
  await store.open("job", STREAM);
  store.close();
  const other = connect();
  other.exec(`UPDATE holdfast_store SET value = '${LAYOUT + 1}' WHERE name = 'layout'`);
  const reason = new RegExp(
    `layout ${LAYOUT + 1}, and this version of @holdfast/sqlite uses layout ${LAYOUT}`,
  );
  await expect(texts(store, "job")).rejects.toEqual(isUnavailable(reason));
  await expect(append(store, "job", 1, ["f"])).rejects.toEqual(isUnavailable(reason));
});

test("a file that somebody removes is made again: its streams are missing, and its marker is another one", async () => {
  const { store, path } = setUp();
  const marker = await store.marker();
  await store.open("job", STREAM);
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
  expect(await append(store, "job", 1, ["f1"])).toEqual({ code: "missing" });
  expect(await store.marker()).not.toBe(marker);
});

test.each([
  ["the head is no JSON", "UPDATE holdfast_streams SET head = 'x' WHERE id = 'broken'"],
  ["the head is something else", "UPDATE holdfast_streams SET head = '{}' WHERE id = 'broken'"],
  ["a frame is missing", "DELETE FROM holdfast_frames WHERE seq = 2"],
])("damage to one id fails its calls alone: %s", async (_, sql) => {
  const { store, connect } = setUp();
  await store.open("broken", STREAM);
  await append(store, "broken", 1, ["f1", "f2", "f3"]);
  await store.open("job", STREAM);
  const { changes, stop } = healthOf(store);
  connect().exec(sql);
  await expect(texts(store, "broken")).rejects.toEqual(isUnavailable(/did not write/, false));
  expect(await append(store, "job", 1, ["f1"])).toEqual({ code: "ok", last: 1 });
  expect(changes).toEqual([]);
  await store.delete("broken");
  expect(await store.open("broken", STREAM)).toMatchObject({ role: "producer", last: 0 });
  expect(changes).toEqual([]);
  stop();
});

test("a damaged id does not fail the writes of the same turn", async () => {
  const { store, connect } = setUp();
  await store.open("broken", STREAM);
  await store.open("job", STREAM);
  connect().exec("UPDATE holdfast_streams SET head = 'x' WHERE id = 'broken'");
  const results = await Promise.allSettled([
    append(store, "job", 1, ["f1"]),
    append(store, "broken", 1, ["f1"]),
    append(store, "job", 2, ["f2"]),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await texts(store, "job")).toEqual(["f1", "f2"]);
});

test("a process that fell behind reads everything", async () => {
  const { store, path, connect } = setUp();
  await store.open("job", STREAM);
  const reader = sqliteStore({ path });
  const hints: (string | undefined)[] = [];
  const wake = reader.wake(["job"], (id) => void hints.push(id));
  onTestFinished(() => {
    wake.close();
    reader.close();
  });
  await eventually(async () => expect(hints).toContain(undefined));
  hints.length = 0;
  // As if 10,000 hints had come and gone between two looks.
  const other = connect();
  other.exec(`BEGIN; INSERT INTO holdfast_hints VALUES (20000, 'x', 'changed', 1), (20001, 'job', 'changed', 1);
    DELETE FROM holdfast_hints WHERE n <= 20000; COMMIT`);
  await eventually(async () => expect(hints).toEqual([undefined]));
  await append(store, "job", 1, ["f1"]);
  await eventually(async () => expect(hints).toEqual([undefined, "job"]));
});
