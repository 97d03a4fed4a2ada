import type { Counters, CounterValues, Gauges } from "@holdfast/hono";
import { Counter, Gauge, Registry } from "prom-client";

/** Exports the gauges and counters of a registry for Prometheus. They are read only when Prometheus scrapes them. */
export function createMetrics(counters: Counters, readGauges: () => Gauges): Registry {
  const metrics = new Registry();
  const registers = [metrics];

  function gauge(name: string, help: string, read: (gauges: Gauges) => number): void {
    new Gauge({
      name: `holdfast_${name}`,
      help,
      registers,
      collect() {
        this.set(read(readGauges()));
      },
    });
  }

  function counter(name: string, help: string, read: (values: CounterValues) => number): void {
    new Counter({
      name: `holdfast_${name}`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read(counters.read()));
      },
    });
  }

  function counterBy(
    label: string,
    name: string,
    help: string,
    read: (values: CounterValues) => Readonly<Record<string, number>>,
  ): void {
    new Counter({
      name: `holdfast_${name}`,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(read(counters.read()))) {
          this.inc({ [label]: value }, count);
        }
      },
    });
  }

  gauge("connections", "Connected clients.", (gauges) => gauges.connections);
  gauge(
    "connections_waiting",
    "Connected clients whose stream does not exist yet.",
    (gauges) => gauges.waiting,
  );
  gauge("streams", "Streams in memory.", (gauges) => gauges.streams);
  gauge("streams_lingering", "Streams in memory that have ended.", (gauges) => gauges.lingering);
  gauge("log_bytes", "Bytes in the logs of all streams.", (gauges) => gauges.bytes);

  counter("connections_opened_total", "Connections that were opened.", (values) => values.connections.opened);
  counterBy(
    "reason",
    "connections_closed_total",
    "Connections that were closed.",
    (values) => values.connections.closed,
  );
  counter("streams_opened_total", "Streams that were opened.", (values) => values.streams.opened);
  counterBy("status", "streams_ended_total", "Streams that have ended.", (values) => values.streams.ended);
  counter("events_pushed_total", "Events pushed to streams.", (values) => values.events.pushed);
  counter("events_delivered_total", "Events written to connections.", (values) => values.events.delivered);
  counter(
    "events_replayed_total",
    "Events written to connections that were opened after the event.",
    (values) => values.events.replayed,
  );
  counter("sent_bytes_total", "Bytes written to connections.", (values) => values.bytes);
  counter("heartbeats_total", "Heartbeats written to connections.", (values) => values.heartbeats);
  counterBy(
    "reason",
    "resets_total",
    "Cursors from which a stream could not resume.",
    (values) => values.resets,
  );
  counter("warnings_total", "Warnings.", (values) => values.warnings);
  counterBy("stage", "failures_total", "Failures in the background.", (values) => values.failures);
  return metrics;
}
