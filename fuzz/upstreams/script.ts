import type { Random } from "../harness/random.ts";
import { eventData } from "../invariants/event-data.ts";

/** What stops a response, so that the client has to come again. */
export type Fault =
  | "cut"
  | "reset"
  | "hang"
  | "wrong chunk"
  | "early end"
  | "drain"
  | "unavailable"
  | "redirect loop"
  | "garbage";
/** What a client does not come back from. */
export type Fatal = "content type" | "not found" | "unauthorized" | "endless line" | "no content";

const FAULTS: readonly Fault[] = [
  "cut",
  "cut",
  "reset",
  "hang",
  "wrong chunk",
  "early end",
  "drain",
  "unavailable",
  "redirect loop",
  "garbage",
];
const FATALS: readonly Fatal[] = ["content type", "not found", "unauthorized", "endless line", "no content"];

/** How a hostile server treats one reader. */
export interface Script {
  readonly random: Random;
  readonly epoch: string;
  readonly events: number;
  /** Whether the server speaks the protocol of holdfast. Otherwise an event named `sentinel` is the last one. */
  readonly isHoldfast: boolean;
  /** What happens to the responses, one after the other; then the reader gets the rest. */
  readonly faults: Fault[];
  /** What happens instead of the rest. */
  readonly fatal: Fatal | undefined;
  /** Whether anything that looks like an event stream may come: then nothing is promised of what is read. */
  readonly isLiar: boolean;
}

export function createScript(random: Random, faults: number): Script {
  return {
    random,
    epoch: String(random.int(0, 1e9)).padStart(10, "0"),
    events: random.int(1, 150),
    isHoldfast: random.chance(0.6),
    faults: Array.from({ length: faults }, () => random.pick(FAULTS)),
    fatal: random.chance(0.25) ? random.pick(FATALS) : undefined,
    isLiar: random.chance(0.2),
  };
}

/** The blocks of the stream behind event `from`, up to event `to`. They have every form that the standard allows. */
export function blocksOf({ epoch, events, isHoldfast, random }: Script, from: number, to = events): string {
  const blocks = [];
  if (isHoldfast) {
    const open = { state: "live", first: 1, last: events, heartbeat: 15_000 };
    blocks.push(`event: stream.open\nretry: 1000\nid: ${epoch}.${from}\ndata: ${JSON.stringify(open)}\n\n`);
  }
  for (let number = from + 1; number <= to; number++) {
    const data = eventData("upstream", number, number === events).replaceAll("\n", "\ndata: ");
    blocks.push(`id: ${epoch}.${number}\ndata: ${data}\n\n`);
    if (random.chance(0.05))
      blocks.push(random.pick([":\n\n", `: ${"c".repeat(3_000)}\n`, "retry: 99999999999\n\n", "foo: 1\n"]));
  }
  return blocks.join("");
}

/** The last block of a stream that is whole. */
export function endOf({ epoch, events, isHoldfast }: Script): string {
  const id = `${epoch}.${events + 1}.end`;
  return isHoldfast
    ? `event: stream.end\nid: ${id}\ndata: {"status":"done"}\n\n`
    : `event: sentinel\nid: ${id}\ndata: [DONE]\n\n`;
}

/** What only looks like an event stream. */
export function liesOf({ random }: Script): Buffer {
  const lies = Array.from({ length: random.int(1, 60) }, () =>
    random.pick([
      "event: stream.open\ndata: no JSON\n\n",
      "event: stream.open\ndata: {}\nid: \u0000\n\n",
      'event: stream.reset\ndata: {"lost":[9,1],"reason":7}\n\n',
      "event: stream.reset\ndata: null\n\n",
      'event: stream.error\ndata: {"code":[],"retryable":"yes","retryAfter":-1}\n\n',
      "event: stream.end\ndata: 0\n\n",
      'event: stream.drain\nretry: 0\ndata: {"reason":{}}\n\n',
      "event: stream.unknown\ndata: 1\n\n",
      "id: a\nid: b\ndata\n\n",
      `id: ${"9".repeat(5_000)}\ndata: x\n\n`,
      "retry: 1e99\ndata: x\r\r",
      "\ufeffdata: x\n\n",
      "data: x\n".repeat(500),
      "event: error\ndata: {}\n\n",
    ]),
  );
  return Buffer.concat([Buffer.from(lies.join("")), random.bytes(random.int(0, 300))]);
}
