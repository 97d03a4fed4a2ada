import type { Attributes, BatchObservableCallback, Meter } from "@opentelemetry/api";
import type { Gauges } from "@holdfast/core";

/** The unit and the description of each gauge. */
const GAUGES = {
  connections: ["{connection}", "Connected clients, also those that wait for a stream."],
  waiting: ["{connection}", "Connected clients whose stream does not exist yet."],
  streams: ["{stream}", "Streams in memory."],
  lingering: ["{stream}", "Streams in memory that have ended."],
  bytes: ["By", "Bytes in the logs of all streams."],
} as const satisfies Record<keyof Gauges, readonly [unit: string, description: string]>;

/** Measures what a registry holds, each time metrics are collected. Returns how to stop. */
export function observeGauges(meter: Meter, common: Attributes, read: () => Gauges): () => void {
  const instruments = (Object.keys(GAUGES) as (keyof typeof GAUGES)[]).map((name) => {
    const [unit, description] = GAUGES[name];
    const options = { unit, description };
    return [name, meter.createObservableUpDownCounter(`holdfast.registry.${name}`, options)] as const;
  });
  const observables = instruments.map(([, instrument]) => instrument);
  const measure: BatchObservableCallback = (result) => {
    const gauges = read();
    for (const [name, instrument] of instruments) result.observe(instrument, gauges[name], common);
  };
  meter.addBatchObservableCallback(measure, observables);
  return () => meter.removeBatchObservableCallback(measure, observables);
}
