/*
 * The clients under attack, in a process of their own, so that their memory and unhandled errors are seen.
 */
import { connect, ConnectionError } from "@holdfast/client";
import { HoldfastError, readEvents } from "@holdfast/core";
import { obey, reportProblem } from "../harness/child.ts";
import { readEventData } from "../invariants/event-data.ts";

export interface Read {
  readonly url: string;
  readonly api: "connect" | "readEvents";
  /** Whether the events can be anything. */
  readonly isLiar: boolean;
  /** After this time `readEvents` is aborted, in ms. Only for a response that may hang. */
  readonly patience: number | undefined;
}

export interface ReadResult {
  /** How many events arrived, in order. */
  readonly events: number;
  /** Whether the last of them was the last of the stream. */
  readonly isWhole: boolean;
  /** `done`, the reason of a `ConnectionError`, or the code of a `HoldfastError`. */
  readonly outcome: string;
  /** What was wrong with the events. */
  readonly violation: string | undefined;
}

const SPEED = 400;
const fastClock = {
  now: (): number => Date.now() * SPEED,
  after(ms: number, callback: () => void): () => void {
    const timer = setTimeout(callback, ms / SPEED);
    return () => clearTimeout(timer);
  },
};
/** How long a client waits for a byte, in ms. */
const PATIENCE = 1_500;
/** After this time a liar is left, in ms. */
const LIAR_PATIENCE = 300;

interface Received {
  readonly event?: string;
  readonly data: string;
}

function open({ url, api, isLiar, patience }: Read): AsyncIterable<Received> {
  if (api === "readEvents") return readResponse(url, patience);
  const connection = connect(url, {
    clock: fastClock,
    connectTimeout: PATIENCE * SPEED,
    idleTimeout: PATIENCE * SPEED,
    giveUpAfter: Infinity,
    maxEventSize: 64 << 10,
  });
  if (isLiar) setTimeout(connection.close, LIAR_PATIENCE);
  return connection;
}

async function* readResponse(url: string, patience: number | undefined): AsyncGenerator<Received> {
  const signal = patience === undefined ? null : AbortSignal.timeout(patience);
  const response = await fetch(url, { signal });
  yield* readEvents(response, { until: ({ event }) => event === "sentinel", maxEventSize: 64 << 10 });
}

async function read(options: Read): Promise<ReadResult> {
  let events = 0;
  let isWhole = false;
  let violation: string | undefined;
  let outcome = "done";
  try {
    for await (const { event, data } of open(options)) {
      if (options.isLiar || event === "sentinel") continue;
      const content = readEventData(data);
      if (content?.number !== events + 1) violation ??= `${data.slice(0, 100)} after event ${events}`;
      events++;
      isWhole = content?.isLast === true;
    }
  } catch (error) {
    outcome = outcomeOf(error);
  }
  return { events, isWhole, outcome, violation };
}

function outcomeOf(error: unknown): string {
  if (error instanceof ConnectionError) return error.reason;
  if (HoldfastError.is(error)) return error.code;
  // `fetch` fails with a TypeError, and an abort with what its signal says.
  const { name } = error as Error;
  if (!["TypeError", "TimeoutError", "AbortError"].includes(name)) reportProblem(error);
  return name;
}

const commands = { read };

export type ReaderCommands = typeof commands;

obey(commands);
