import { readFileSync } from "node:fs";
import { join } from "node:path";
import express from "express";
import { expect, test } from "vitest";
import { follow, followToEnd } from "../../common/test/follow.ts";
import { runServer } from "../../common/test/run-server.ts";
import { until } from "../../common/test/until.ts";
import { pollByHand } from "../by-hand.ts";
import type { FoundJob } from "../job-table.ts";
import { Reads } from "../reads.ts";
import { BlockedReads } from "./blocked-reads.ts";
import { listen } from "./listen.ts";
import { doneJob, finish, openTable, write } from "./open-table.ts";

/** Serves the job `a` with the hand-written endpoint. */
async function serveByHand() {
  const table = openTable();
  const blocked = new BlockedReads();
  const reads = new Reads(table, blocked.block);
  const app = express();
  const never = new AbortController().signal;
  pollByHand(app, { find: (id, after) => reads.find(id, after, never) as Promise<FoundJob> }, 2);
  const { url } = await listen(app);
  return { table, blocked, reads, stream: `${url}/jobs/a/stream` };
}

test("written by hand, slow reads overlap and events arrive twice", async () => {
  const { table, blocked, reads, stream } = await serveByHand();
  table.add("a", 1);
  write(table, "a", 1, 1);
  reads.slow = true;
  const received = follow(stream);
  const first = received.next();
  await until(() => blocked.count > 1);
  reads.slow = false;
  blocked.release();
  const second = received.next();
  expect((await second).value.data).toEqual((await first).value.data);
  finish(table, "a", 2);
  await Array.fromAsync(received);
});

test("written by hand, a client that reconnects gets every event again, and never a 204", async () => {
  const { table, stream } = await serveByHand();
  doneJob(table, "a", 2);
  const received = await followToEnd(stream);
  expect(received.map(({ id, event }) => [id, event])).toEqual([
    [undefined, "slice"],
    [undefined, "slice"],
    [undefined, "done"],
  ]);
  const response = await fetch(stream, { headers: { "last-event-id": "whatever" } });
  expect(response.status).toBe(200);
  expect((await response.text()).match(/^event/gm)).toHaveLength(3);
});

test("written by hand, every reader has its own polling loop", async () => {
  const { table, blocked, reads, stream } = await serveByHand();
  table.add("a", 1);
  reads.slow = true;
  const readers = [1, 2, 3].map(() => follow(stream));
  const first = readers.map((reader) => reader.next());
  await until(() => blocked.count >= 3);
  reads.slow = false;
  write(table, "a", 1, 1);
  blocked.release();
  await Promise.all(first);
  expect(reads.made).toBeGreaterThanOrEqual(3);
  await Promise.all(readers.map((reader) => reader.return(undefined)));
});

test("written by hand, a read that throws ends the process", async () => {
  const server = runServer(join(import.meta.dirname, "by-hand-down.ts"));
  const url = await server.firstLine("stdout");
  await expect(followToEnd(`${url}/jobs/a/stream`)).rejects.toThrow();
  expect(await server.exited()).toBe(1);
});

test("the README shows exactly the hand-written endpoint and its replacement", () => {
  const read = (file: string): string => readFileSync(join(import.meta.dirname, "..", file), "utf8");
  const shown = Array.from(read("README.md").matchAll(/^```ts\n(.*?)^```/gms), ([, code]) => code as string);
  expect(shown).toHaveLength(2);
  expect(read("by-hand.ts")).toContain(shown[0]);
  expect(read("jobs.ts")).toContain(shown[1]);
});
