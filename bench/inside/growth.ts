import { createRegistry, type OpenSink, serve } from "@holdfast/core";
import { pace } from "../harness/pace.ts";
import { usage } from "../harness/usage.ts";
import type { Figures } from "../harness/workload.ts";
import { cpuTime } from "./loop.ts";

const EVENTS = 100_000;
/** No divisor of the number of streams, so that neighbours are not pushed to in turn. */
const STRIDE = 7_919;
const SIZES = [1, 10, 100, 1_000, 10_000] as const;

/** A client that takes everything at once. */
const open: OpenSink = () => ({
  write: () => true,
  close: () => undefined,
  destroy: () => undefined,
});

async function grow(count: number): Promise<Record<string, Figures>> {
  const empty = usage(true).heap;
  const registry = createRegistry();
  const streams = await Promise.all(Array.from({ length: count }, (_, i) => registry.open(`stream-${i}`)));
  const leave = new AbortController();
  for (const stream of streams) {
    void serve({ method: "GET", cursor: undefined, signal: leave.signal }, open, stream);
  }
  let pushed = 0;
  const push = (): unknown => streams[(pushed++ * STRIDE) % count]?.push({ data: "a token of 20 bytes!" });
  await pace(Math.max(count, 20_000), 0, push);
  const full = usage(true).heap;
  const start = cpuTime();
  await pace(EVENTS, 0, push);
  const cpu = (cpuTime() - start) / EVENTS;
  return { "one reader each, one event a turn": { cpu, kib: (full - empty) / count / 1_024 } };
}

export const sizes = Object.fromEntries(
  SIZES.map((count) => [
    count === 1 ? "1 stream" : `${count.toLocaleString("en")} streams`,
    () => grow(count),
  ]),
);
