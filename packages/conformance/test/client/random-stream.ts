import type { StreamWriter } from "@holdfast/core";
import { setTimeout as pause } from "node:timers/promises";
import type { CutPosition, CuttingProxy } from "../support/cutting-proxy.ts";
import type { ReceivedStream } from "./client-apis.ts";

/** The most bytes that a connection carries: so few that no connection carries the whole stream. */
const MAX_BYTES = 2_500;
/** Events in a burst, on average. */
const BURST = 15;

/** Pushes `count` events in bursts, and ends the stream. Returns what every client must receive. */
export async function pushRandomEvents(
  job: StreamWriter<Record<string, unknown>>,
  count: number,
  random: () => number,
): Promise<ReceivedStream["events"]> {
  const pushed: ReceivedStream["events"] = [];
  const push = (event: string, data: unknown): void =>
    void pushed.push({ id: job.push({ event, data }) as string, event, data });
  for (let number = 0; number < count; number++) {
    if (random() < 0.3) push("note", "zwölf\n€uro 🙂".repeat(1 + 10 * random()));
    else push("step", { number });
    // The pauses of a real producer; no result depends on them.
    if (random() < 1 / BURST) await pause(1);
  }
  await job.end();
  return pushed;
}

/** Cuts `count` connections at a random byte of the body; the first one not before its first event. */
export function randomCuts(count: number, random: () => number, proxy: () => CuttingProxy): CutPosition {
  let cutsBefore = -1;
  let offset = 0;
  return (received) => {
    const { cuts } = proxy();
    if (cuts === count) return undefined;
    if (cutsBefore !== cuts) offset = Math.floor(MAX_BYTES * random());
    cutsBefore = cuts;
    const start = received.search(cuts === 0 ? /id: \w+\.1\n/ : /(?<=\r\n\r\n)/);
    return start === -1 ? undefined : start + offset;
  };
}
