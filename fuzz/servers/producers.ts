import { setTimeout as pause } from "node:timers/promises";
import { HoldfastError, type Registry, type StreamWriter } from "@holdfast/core";
import type { Random } from "../harness/random.ts";
import { eventData } from "../invariants/event-data.ts";

/** The error of producers and sources that fail because the fuzzer wants it. */
export const PLANNED = "planned failure";

/** Longer than any pause before the next `open`, in ms. */
const RETRY_WINDOW = 40_000;

type Events = { message: string };

export interface Producer {
  readonly registry: Registry<Events>;
  readonly random: Random;
  /** Names the process and the producer in its events. */
  readonly name: string;
  readonly isRunning: () => boolean;
  readonly report: (error: unknown) => void;
}

/** What may happen to a producer whose store fails, or whose stream somebody else opens. */
const EXPECTED = ["STORE_UNAVAILABLE", "STREAM_EXISTS", "STREAM_ENDED", "LIMIT_EXCEEDED", "TAKEN_OVER"];

/** Opens a stream again and again, and ends each of its lives as `done`. */
export async function produceLives(producer: Producer, id: string): Promise<void> {
  let lives = 0;
  await repeat(producer, async () => {
    const writer = await producer.registry.open(id);
    const life = `${id}/${producer.name}/${++lives}`;
    if (await pushSome(producer, writer, life)) await writer.end(lastEvent(writer, life));
  });
}

/** Opens a stream, fails and goes on behind its last event, as a job that its queue runs again. */
export async function produceWithInterruptions(producer: Producer, id: string): Promise<void> {
  const { registry, random, isRunning } = producer;
  const run = async (): Promise<void> => {
    const opening = registry.open(id, { ifExists: "append", retryWindow: RETRY_WINDOW });
    const writer = await opening.catch((error: unknown) => {
      if (!(HoldfastError.is(error) && error.code === "STREAM_ENDED")) throw error;
      // A life that is over is not continued.
      return registry.open(id, { retryWindow: RETRY_WINDOW });
    });
    if (!(await pushSome(producer, writer, id))) return;
    if (isRunning() && random.chance(0.7)) await writer.fail(new Error(PLANNED));
    else await writer.end(lastEvent(writer, id));
  };
  await repeat(producer, run);
  // No reader is left waiting for a producer.
  await attempt(producer, run);
}

/** Pushes to a channel. */
export async function produceChannel(producer: Producer, id: string): Promise<void> {
  const channel = producer.registry.channel(id);
  const life = `${id}/${producer.name}`;
  let number = 0;
  await repeat(producer, async () => {
    for (let count = producer.random.int(1, 20); count > 0; count--) {
      channel.push({ data: eventData(life, ++number) });
    }
  });
}

/** Pushes a few hundred events in bursts. Returns `false` if somebody else has ended the stream. */
async function pushSome({ random }: Producer, writer: StreamWriter<Events>, life: string): Promise<boolean> {
  const count = random.int(0, 250);
  for (let pushed = 0; pushed < count; pushed++) {
    if (writer.push({ data: eventData(life, writer.last + 1) }) === undefined) return false;
    if (random.chance(0.1)) await pause(random.int(0, 8));
  }
  return true;
}

function lastEvent(writer: StreamWriter<Events>, life: string): { data: string } {
  return { data: eventData(life, writer.last + 1, true) };
}

async function repeat(producer: Producer, run: () => Promise<void>): Promise<void> {
  while (producer.isRunning()) {
    await attempt(producer, run);
    await pause(producer.random.int(5, 60));
  }
}

async function attempt({ report }: Producer, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(HoldfastError.is(error) && EXPECTED.includes(error.code))) report(error);
  }
}
