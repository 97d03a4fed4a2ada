/** The process of the load generator: clients that count the events they receive. */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { openClient, openStalledClient, readAnswer, type Target } from "./client.ts";
import { microseconds } from "./clock.ts";
import { createdAt, MARK } from "./payload.ts";
import { processUsage } from "./process-usage.ts";
import { expose } from "./rpc.ts";
import { quantile } from "./statistics.ts";

const sockets: Socket[] = [];
let events = 0;
let chunks = 0;
let bytes = 0;
/** How many events all calls of `receive` so far have asked for. */
let expected = 0;
let waiting: { readonly count: number; readonly resolve: () => void } | undefined;
let latencies: number[] | undefined;

function onChunk(chunk: Buffer): void {
  chunks++;
  bytes += chunk.length;
  const now = latencies && microseconds();
  for (let at = chunk.indexOf(MARK); at !== -1; at = chunk.indexOf(MARK, at + 1)) {
    events++;
    const created = now && createdAt(chunk, at);
    if (created !== undefined && now !== undefined) latencies?.push(now - created);
  }
  if (waiting !== undefined && events >= waiting.count) waiting.resolve();
}

/** Runs `act` a number of times, `concurrency` at a time. */
async function runConcurrently(
  times: number,
  concurrency: number,
  act: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < times) await act(next++);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, times) }, work));
}

let readPauseMs = 0;
const sleepCell = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the event loop between two rounds of reading. */
function pauseReading(): void {
  if (readPauseMs === 0) return;
  Atomics.wait(sleepCell, 0, 0, readPauseMs);
  setImmediate(pauseReading);
}

const api = {
  usage: processUsage,

  /**
   * From now on reads once per `ms`, several events at a time if they have arrived; 0 reads at once. For bursts, where
   * latency is not measured and the load generator's core would otherwise saturate before the server's.
   */
  setReadPause(ms: number): void {
    if (readPauseMs === 0) setImmediate(pauseReading);
    readPauseMs = ms;
  },

  /** Opens clients that stay connected; with `ownPath` each has its own path: `target.path` and its index. */
  async connect(target: Target, count: number, ownPath: boolean = false): Promise<void> {
    await runConcurrently(count, 100, async (index) => {
      const path = ownPath ? `${target.path}${index}` : target.path;
      sockets.push(await openClient({ ...target, path }, onChunk));
    });
  },

  connectStalled(target: Target): void {
    sockets.push(openStalledClient(target));
  },

  /** Resolves when `count` more events have arrived, summed over all clients. */
  async receive(count: number, timeoutMs: number = 60_000): Promise<void> {
    expected += count;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (): void => reject(new Error(`${expected - events} of ${count} events are missing`));
    const timer = setTimeout(fail, timeoutMs);
    waiting = { count: expected, resolve };
    if (events >= expected) resolve();
    await promise.finally(() => clearTimeout(timer));
    waiting = undefined;
  },

  /** Resolves when `count` more chunks have arrived. For idle clients, each chunk is a heartbeat. */
  async receiveChunks(count: number): Promise<void> {
    const wanted = chunks + count;
    while (chunks < wanted) await sleep(50);
  },

  /** How many bytes have arrived, over all clients. */
  bytes: (): number => bytes,

  /** Records the latency of every token from now on. */
  recordLatencies(): void {
    latencies = [];
  },

  /** The latency from creating a token to receiving it, in microseconds. */
  latency(): { readonly p50: number; readonly p99: number } {
    const all = latencies ?? [];
    return { p50: quantile(all, 0.5), p99: quantile(all, 0.99) };
  },

  /**
   * Opens `count` connections, `concurrency` at a time. Each connects, receives `wanted` events and disconnects.
   * Returns the time from connecting to the last byte, in microseconds.
   */
  async shortConnections(
    target: Target,
    count: number,
    concurrency: number,
    wanted: number,
  ): Promise<{ p50: number }> {
    const times: number[] = [];
    await runConcurrently(count, concurrency, async () => {
      const start = microseconds();
      let missing = wanted;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const socket = await openClient(target, (chunk) => {
        for (let at = chunk.indexOf(MARK); at !== -1; at = chunk.indexOf(MARK, at + 1)) missing--;
        if (missing <= 0) resolve();
      });
      const fail = (): void => reject(new Error(`${missing} of ${wanted} events are missing`));
      socket.once("close", fail);
      const timer = setTimeout(fail, 60_000);
      await promise.finally(() => clearTimeout(timer));
      times.push(microseconds() - start);
      socket.destroy();
    });
    return { p50: quantile(times, 0.5) };
  },

  /** Opens `count` connections, `concurrency` at a time. Each sends a request, and waits until the server closes it. */
  async answers(target: Target, count: number, concurrency: number): Promise<void> {
    await runConcurrently(count, concurrency, () => readAnswer(target));
  },
};

export type LoadApi = typeof api;
expose(api);
