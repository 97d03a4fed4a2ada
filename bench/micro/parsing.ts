import { readEvents } from "@holdfast/core";
import { createParser } from "eventsource-parser";
import type { Figures } from "../harness/workload.ts";
import { payload } from "../harness/payload.ts";
import { cpuTime } from "./cpu-time.ts";

const EVENTS = 100_000;
const CHUNK_BYTES = 65_536;
const body = new TextEncoder().encode(`data: ${payload(100)}\n\n`.repeat(EVENTS));

function* chunks(): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += CHUNK_BYTES) yield body.subarray(at, at + CHUNK_BYTES);
}

async function figuresOf(parse: () => number | Promise<number>): Promise<Record<string, Figures>> {
  const parseOnce = async (): Promise<void> => {
    const events = await parse();
    if (events !== EVENTS) throw new Error(`parsed ${events} of ${EVENTS} events`);
  };
  await parseOnce();
  const start = cpuTime();
  for (let i = 0; i < 3; i++) await parseOnce();
  const cpu = (cpuTime() - start) / 3;
  return { "events of 100 B": { ns: (cpu * 1e3) / EVENTS, mbs: body.length / cpu } };
}

export const parsers = {
  "eventsource-parser": () =>
    figuresOf(() => {
      let events = 0;
      const parser = createParser({ onEvent: () => void events++ });
      const decoder = new TextDecoder();
      for (const chunk of chunks()) parser.feed(decoder.decode(chunk, { stream: true }));
      return events;
    }),
  readEvents: () =>
    figuresOf(async () => {
      let events = 0;
      for await (const _event of readEvents(upstream())) events++;
      return events;
    }),
};

async function* upstream(): AsyncGenerator<Uint8Array> {
  yield* chunks();
}
