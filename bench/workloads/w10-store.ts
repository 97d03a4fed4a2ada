import type { Workload } from "../harness/workload.ts";
import { hasRedis } from "../peers/installed-programs.ts";
import { appendLatency } from "../store/append-latency.ts";
import { appendRate } from "../store/append-rate.ts";
import { redisCpu } from "../store/redis-cpu.ts";
import { INTERVAL_MS, STREAMS, tokenStreams } from "../store/token-streams.ts";

export const ROWS = {
  appends: "one event per append, one connection",
  batches: "64 events per append, one connection",
  redisCpu: "4,000 events/s, all streams followed by another process",
  latency: "from an append to the client of another process, 1,000/s",
  tokens: `${STREAMS} streams, a token every ${INTERVAL_MS} ms, clients of another process`,
} as const;

export const store: Workload = {
  name: "W10",
  title: "Stores: streams shared between processes",
  columns: [
    { figure: "us", title: "us/append", digits: 1 },
    { figure: "cpu", title: "CPU us/token", digits: 1 },
    { figure: "redis", title: "Redis CPU us/event", digits: 1 },
    { figure: "p50", title: "p50 latency, us", digits: 0 },
    { figure: "p99", title: "p99 latency, us", digits: 0 },
  ],
  scenarios: (settings) =>
    hasRedis
      ? [
          appendRate(ROWS.appends, settings),
          appendRate(ROWS.batches, settings, 64),
          redisCpu(ROWS.redisCpu, settings),
          appendLatency(ROWS.latency, settings),
          tokenStreams(ROWS.tokens, settings),
        ]
      : [],
};
