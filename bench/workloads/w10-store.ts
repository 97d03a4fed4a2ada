import type { Workload } from "../harness/workload.ts";
import { appendLatency } from "../store/append-latency.ts";
import { appendRate } from "../store/append-rate.ts";
import { outboxLatency } from "../store/outbox-latency.ts";
import { serverCpu } from "../store/server-cpu.ts";
import { INTERVAL_MS, STREAMS, tokenStreams } from "../store/token-streams.ts";

export const ROWS = {
  appends: "one event per append, one process",
  batches: "64 events per append, one process",
  redisCpu: "Redis, 4,000 events/s, all streams followed by another process",
  postgresCpu: "Postgres, 500 events/s, all streams followed by another process",
  latency: "from an append to the client of another process, 1,000/s",
  outbox: "from a commit to the client of another process, 100/s",
  tokens: `${STREAMS} streams, a token every ${INTERVAL_MS} ms, clients of another process`,
} as const;

export const store: Workload = {
  name: "W10",
  title: "Stores: streams shared between processes",
  columns: [
    { figure: "us", title: "us/append", digits: 1 },
    { figure: "cpu", title: "CPU us/token", digits: 1 },
    { figure: "server", title: "server CPU us/event", digits: 1 },
    { figure: "p50", title: "p50 latency, us", digits: 0 },
    { figure: "p99", title: "p99 latency, us", digits: 0 },
  ],
  scenarios: (settings) => [
    appendRate(ROWS.appends, settings),
    appendRate(ROWS.batches, settings, 64),
    serverCpu(ROWS.redisCpu, settings, "redis", 4),
    serverCpu(ROWS.postgresCpu, settings, "postgres", 0.5),
    appendLatency(ROWS.latency, settings),
    outboxLatency(ROWS.outbox, settings),
    tokenStreams(ROWS.tokens, settings),
  ],
};
