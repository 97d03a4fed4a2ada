/*
 * The producer of many streams: pushes to those that its parent names, and ends them all.
 */
import type { StreamWriter } from "@holdfast/core";
import { createSharedRegistry, type StorePlace } from "./shared-store.ts";

export interface ProducerOptions {
  readonly place: StorePlace;
  /** The streams, each with the number of events that is kept. */
  readonly streams: readonly (readonly [id: string, kept: number])[];
}

export type ToProducer = "end" | { readonly push: readonly string[] };
export type FromProducer = "opened" | "ended";

const { place, streams } = JSON.parse(process.argv[2] as string) as ProducerOptions;
const registry = await createSharedRegistry(place);
const writers = new Map<string, StreamWriter<Record<string, unknown>>>();
// It lives as long as its parent does.
process.on("disconnect", () => process.exit());
for (const [id, events] of streams) writers.set(id, await registry.open(id, { buffer: { events } }));

const send = (message: FromProducer): void => void process.send?.(message);

async function handle(message: ToProducer): Promise<void> {
  if (message === "end") {
    await Promise.all([...writers.values()].map((writer) => writer.end()));
    return send("ended");
  }
  const pushed = message.push.map((id) => writers.get(id) as StreamWriter<Record<string, unknown>>);
  for (const writer of pushed) writer.push({ data: writer.last + 1 });
  // No more waits for the store than a short stream may keep.
  await Promise.all(pushed.map((writer) => writer.flush()));
}

let handled = Promise.resolve();
process.on("message", (message: ToProducer) => {
  handled = handled.then(() => handle(message));
});
send("opened");
