/** The process that asks: clients that count what comes. */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { openClient, openStalledClient, type Target } from "./client.ts";
import { microseconds } from "./clock.ts";
import { madeAt, MARK } from "./payload.ts";
import { expose } from "./remote.ts";
import { quantile } from "./statistics.ts";
import { usage } from "./usage.ts";

const sockets: Socket[] = [];
let events = 0;
let chunks = 0;
let taken = 0;
let awaited: { readonly count: number; readonly resolve: () => void } | undefined;
let latencies: number[] | undefined;

function take(chunk: Buffer): void {
  chunks++;
  const now = latencies && microseconds();
  for (let at = chunk.indexOf(MARK); at !== -1; at = chunk.indexOf(MARK, at + 1)) {
    events++;
    const made = now && madeAt(chunk, at);
    if (made !== undefined && now !== undefined) latencies?.push(now - made);
  }
  if (awaited !== undefined && events >= awaited.count) awaited.resolve();
}

/** Does `act` so often, `atOnce` at a time. */
async function crowd(times: number, atOnce: number, act: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < times) await act(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, times) }, work));
}

let rest = 0;
const cell = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps between two rounds of reading. */
function doze(): void {
  if (rest === 0) return;
  Atomics.wait(cell, 0, 0, rest);
  setImmediate(doze);
}

const api = {
  usage,

  /**
   * Reads only once in so many ms, several events at a time where they have come: for bursts, in which nobody asks how
   * long an event was on its way, and the load's core would be the first to be busy. 0 for at once.
   */
  rest(ms: number): void {
    if (rest === 0) setImmediate(doze);
    rest = ms;
  },

  /** Opens clients that stay; with `own` each has a path of its own. */
  async connect(target: Target, count: number, own: boolean = false): Promise<void> {
    await crowd(count, 100, async (index) => {
      const path = own ? `${target.path}${index}` : target.path;
      sockets.push(await openClient({ ...target, path }, take));
    });
  },

  stall(target: Target): void {
    sockets.push(openStalledClient(target));
  },

  /** Resolves when so many more events have come, over all clients. */
  async receive(count: number, timeout: number = 60_000): Promise<void> {
    taken += count;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const missing = (): void => reject(new Error(`${taken - events} of ${count} events did not come`));
    const timer = setTimeout(missing, timeout);
    awaited = { count: taken, resolve };
    if (events >= taken) resolve();
    await promise.finally(() => clearTimeout(timer));
    awaited = undefined;
  },

  /** Resolves when so many more chunks have come; of idle clients each is a heartbeat. */
  async beat(count: number): Promise<void> {
    const wanted = chunks + count;
    while (chunks < wanted) await sleep(50);
  },

  /** From now on, how long tokens are on their way. */
  watch(): void {
    latencies = [];
  },

  /** In microseconds. */
  latency(): { readonly p50: number; readonly p99: number } {
    const all = latencies ?? [];
    return { p50: quantile(all, 0.5), p99: quantile(all, 0.99) };
  },

  /** Comes, waits for so many events, and leaves; so often. In microseconds, from coming to the last byte. */
  async visit(target: Target, visits: number, atOnce: number, wanted: number): Promise<{ p50: number }> {
    const times: number[] = [];
    await crowd(visits, atOnce, async () => {
      const start = microseconds();
      let missing = wanted;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const socket = await openClient(target, (chunk) => {
        for (let at = chunk.indexOf(MARK); at !== -1; at = chunk.indexOf(MARK, at + 1)) missing--;
        if (missing <= 0) resolve();
      });
      const cut = (): void => reject(new Error(`cut with ${missing} of ${wanted} events missing`));
      socket.once("close", cut);
      const timer = setTimeout(cut, 60_000);
      await promise.finally(() => clearTimeout(timer));
      times.push(microseconds() - start);
      socket.destroy();
    });
    return { p50: quantile(times, 0.5) };
  },
};

export type LoadApi = typeof api;
expose(api);
