import type { Goal } from "./harness/goal.ts";
import { NCHAN, REFERENCE } from "./peers/index.ts";
import { ROWS } from "./workloads/w10-store.ts";
import { GZIP, PLAIN } from "./workloads/w13-compression.ts";

const NODE = "@holdfast/node-http";
const HONO = "@holdfast/hono";
const MAIN_ROW = "1,000 clients, 100 B";

const fanOut = (ours: string, limit: number, checkLimit?: number, reference: string = REFERENCE): Goal[] =>
  [", paced", ", burst"].map((how) => ({
    workload: "W1",
    row: MAIN_ROW + how,
    figure: "cpu",
    unit: "us/event",
    ours,
    reference,
    limit,
    ...(checkLimit !== undefined && { checkLimit }),
  }));

const encoding = (row: string, ours: string, reference: string, checkLimit: number): Goal => ({
  workload: "W5",
  row,
  figure: "ns",
  unit: "ns/event",
  ours,
  reference,
  limit: 1.2,
  checkLimit,
});

/** What a refused connection may cost beside the shortest answer of the same server. */
const refusal = (ours: string, reference: string, limit: number): Goal => ({
  workload: "W11",
  figure: "cpu",
  unit: "us/connection",
  ours,
  reference,
  limit,
});

/** What compression costs and saves beside the same stream without it. */
const compressed = (figure: string, unit: string, limit: number, checkLimit: number): Goal => ({
  workload: "W13",
  figure,
  unit,
  ours: GZIP,
  reference: PLAIN,
  limit,
  checkLimit,
});

/** At least 30,000 events per second in batches, through one process. */
const batches = (ours: string): Goal => ({
  workload: "W10",
  row: ROWS.batches,
  figure: "us",
  unit: "us/event",
  ours,
  limit: 33,
});

/** At least 50,000 appends per second. */
const appends = (ours: string): Goal => ({
  workload: "W10",
  row: ROWS.appends,
  figure: "us",
  unit: "us/append",
  ours,
  limit: 20,
});

/** The CPU of a server per event must not grow with the number of streams. */
const serverCpu = (row: string, limit: number): Goal[] =>
  ["100 streams", "1,000 streams", "5,000 streams"].map((ours) => ({
    workload: "W10",
    row,
    figure: "server",
    unit: "us/event",
    ours,
    reference: "10 streams",
    limit,
  }));

/** The median time until a client of another process has an event, in microseconds. */
const latency = (row: string, ours: string, limit: number): Goal => ({
  workload: "W10",
  row,
  figure: "p50",
  unit: "us",
  ours,
  limit,
});

const nodeToReference = { ours: NODE, reference: REFERENCE };
const honoToReference = { ours: HONO, reference: REFERENCE };

export const goals: readonly Goal[] = [
  ...fanOut(NODE, 0.95, 1.6),
  ...fanOut(NODE, 1, undefined, NCHAN),
  ...fanOut("@holdfast/express", 1.05),
  ...fanOut(HONO, 1.05, 1.8),
  ...fanOut("holdfast toResponse", 1.3),
  { workload: "W2", figure: "cpu", unit: "us/token", ...nodeToReference, limit: 1, checkLimit: 2 },
  { workload: "W2", figure: "cpu", unit: "us/token", ...honoToReference, limit: 1.2, checkLimit: 2.2 },
  { workload: "W2", figure: "p99", unit: "us", ...nodeToReference, limit: 1 },
  { workload: "W3", figure: "kib", unit: "KiB/connection", ...nodeToReference, limit: 1.1, checkLimit: 2 },
  { workload: "W3", figure: "kib", unit: "KiB/connection", ...honoToReference, limit: 1.3, checkLimit: 2.5 },
  { workload: "W3", figure: "cpu", unit: "us/heartbeat", ...nodeToReference, limit: 0.7, checkLimit: 1.8 },
  {
    workload: "W4",
    row: "10,000 events",
    figure: "event",
    unit: "us/event",
    ...nodeToReference,
    limit: 0.1,
    checkLimit: 0.6,
  },
  encoding("an object, 100 B of JSON", "encodeEvent", "template", 3),
  encoding("text of 4 KiB in 64 lines", "encodeEvent", "template", 3),
  encoding("an object, 100 B of JSON, into a slab", "append to a log", "template into a slab", 3),
  encoding("text of 4 KiB in 64 lines, into a slab", "append to a log", "template into a slab", 3),
  // The log of one stream holds 1 MiB.
  { workload: "W7", figure: "heap", unit: "MB heap + external", ours: NODE, limit: 3, checkLimit: 6 },
  { workload: "W7", figure: "rss", unit: "MB RSS", ...nodeToReference, limit: 0.25 },
  { workload: "W8", figure: "cpu", unit: "us/connection", ...nodeToReference, limit: 1.15, checkLimit: 2.5 },
  { workload: "W8", figure: "cpu", unit: "us/connection", ...honoToReference, limit: 1.5, checkLimit: 3 },
  { workload: "W8", figure: "heap", unit: "MB heap", ours: NODE, limit: 0.5, checkLimit: 3 },
  {
    workload: "W9",
    figure: "cpu",
    unit: "us/event",
    ours: "10,000 streams",
    reference: "1 stream",
    limit: 1.2,
    checkLimit: 5,
  },
  refusal("node-http, drained", "express, res.send", 1),
  refusal("node-http, 503", "res.end", 1.4),
  refusal("express, drained", "express, res.send", 1.2),
  refusal("hono, drained", "hono, c.text", 2.2),
  {
    workload: "W12",
    row: "tokens, one at a time",
    figure: "cpu",
    unit: "us/event",
    ours: "10 members",
    reference: "1 stream",
    limit: 1.2,
    checkLimit: 2,
  },
  {
    workload: "W12",
    row: "fan-out, ten in one turn",
    figure: "cpu",
    unit: "us/event",
    ours: "10 members",
    reference: "1 stream",
    limit: 1.2,
  },
  compressed("cpu", "us/event", 1.3, 2),
  compressed("bytes", "bytes/event", 0.25, 0.4),
  appends("redis"),
  appends("ioredis"),
  ...serverCpu(ROWS.redisCpu, 1.2),
  ...serverCpu(ROWS.postgresCpu, 1.5),
  batches("sqlite"),
  batches("postgres"),
  batches("postgres, off"),
  latency(ROWS.latency, "holdfast", 1_000),
  {
    workload: "W10",
    row: ROWS.tokens,
    figure: "p50",
    unit: "us",
    ours: "holdfast",
    reference: "resumable-stream",
    limit: 1,
  },
  latency(ROWS.latency, "holdfast on SQLite", 30_000),
  latency(ROWS.latency, "holdfast on Postgres", 10_000),
  latency(ROWS.outbox, "holdfast.notify off", 30_000),
  latency(ROWS.outbox, "holdfast.notify on", 10_000),
];
