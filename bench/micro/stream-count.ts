import { createRegistry, type OpenSink, serve } from "@holdfast/core";
import { processUsage } from "../harness/process-usage.ts";
import { repeat } from "../harness/repeat.ts";
import type { Figures } from "../harness/workload.ts";
import { cpuTime } from "./cpu-time.ts";

const EVENTS = 100_000;
/** A prime that does not divide the number of streams, so that consecutive pushes go to distant streams. */
const STRIDE = 7_919;
const COUNTS = [1, 10, 100, 1_000, 10_000] as const;

/** A sink that never applies back-pressure. */
const open: OpenSink = () => ({
  write: () => true,
  close: () => undefined,
  cut: () => undefined,
  destroy: () => undefined,
});

async function measure(count: number): Promise<Record<string, Figures>> {
  const empty = processUsage(true).heap;
  const registry = createRegistry();
  const streams = await Promise.all(Array.from({ length: count }, (_, i) => registry.open(`stream-${i}`)));
  const abort = new AbortController();
  for (const stream of streams) {
    void serve({ method: "GET", cursor: undefined, signal: abort.signal }, open, stream);
  }
  let pushed = 0;
  const push = (): unknown => streams[(pushed++ * STRIDE) % count]?.push({ data: "a token of 20 bytes!" });
  await repeat(Math.max(count, 20_000), 0, push);
  const full = processUsage(true).heap;
  const start = cpuTime();
  await repeat(EVENTS, 0, push);
  const cpu = (cpuTime() - start) / EVENTS;
  return {
    "one reader per stream, one event per event-loop turn": { cpu, kib: (full - empty) / count / 1_024 },
  };
}

export const streamCounts = Object.fromEntries(
  COUNTS.map((count) => [
    count === 1 ? "1 stream" : `${count.toLocaleString("en")} streams`,
    () => measure(count),
  ]),
);
