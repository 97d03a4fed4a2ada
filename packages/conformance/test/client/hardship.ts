import type { StreamWriter } from "@holdfast/core";
import { setTimeout as pause } from "node:timers/promises";
import type { Cut, Wire } from "../event-source/wire.ts";
import type { Followed } from "./faces.ts";

/** The most bytes that a connection lives for: so few that no connection sees more than a part of the stream. */
const LIFE = 2_500;
/** How many events a burst has, more or less. */
const BURST = 15;

/** Pushes so many events in bursts, and ends. Returns what everybody should get. */
export async function produce(
  job: StreamWriter<Record<string, unknown>>,
  count: number,
  random: () => number,
): Promise<Followed["events"]> {
  const pushed: Followed["events"] = [];
  const push = (event: string, data: unknown): void =>
    void pushed.push({ id: job.push({ event, data }), event, data });
  for (let number = 0; number < count; number++) {
    if (random() < 0.3) push("note", "zwölf\n€uro 🙂".repeat(1 + 10 * random()));
    else push("step", { number });
    // The pace of a producer.
    if (random() < 1 / BURST) await pause(1);
  }
  await job.end();
  return pushed;
}

/** Cuts so many connections, each at a random byte of its body; the first one behind what made its client live. */
export function randomCuts(most: number, random: () => number, wire: () => Wire): Cut {
  let drawn = -1;
  let at = 0;
  return (come) => {
    const { cuts } = wire();
    if (cuts === most) return undefined;
    if (drawn !== cuts) at = Math.floor(LIFE * random());
    drawn = cuts;
    const start = come.search(cuts === 0 ? /id: \w+\.1\n/ : /(?<=\r\n\r\n)/);
    return start === -1 ? undefined : start + at;
  };
}
