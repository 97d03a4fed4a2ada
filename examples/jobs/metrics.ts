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

  gauge("registry_connections", "Connected clients.", (gauges) => gauges.connections);
  gauge("registry_waiting", "Connected clients whose stream does not exist yet.", (gauges) => gauges.waiting);
  gauge("registry_streams", "Streams in memory.", (gauges) => gauges.streams);
  gauge("registry_lingering", "Streams in memory that have ended.", (gauges) => gauges.lingering);
  gauge("registry_bytes", "Bytes in the logs of all streams.", (gauges) => gauges.bytes);

  counter("connection_opened_total", "Connections that were opened.", (values) => values.connections.opened);
  counterBy(
    "holdfast_close_reason",
    "connection_closed_total",
    "Connections that were closed.",
    (values) => values.connections.closed,
  );
  counter("stream_opened_total", "Streams that were opened.", (values) => values.streams.opened);
  counterBy(
    "holdfast_end_status",
    "stream_ended_total",
    "Streams that have ended.",
    (values) => values.streams.ended,
  );
  counter("event_pushed_total", "Events pushed to streams.", (values) => values.events.pushed);
  counter("event_delivered_total", "Events written to connections.", (values) => values.events.delivered);
  counter(
    "event_replayed_total",
    "Events written to connections that were opened after the event.",
    (values) => values.events.replayed,
  );
  counter("connection_io_bytes_total", "Bytes written to connections.", (values) => values.bytes);
  counter("connection_heartbeats_total", "Heartbeats written to connections.", (values) => values.heartbeats);
  counterBy(
    "holdfast_reset_reason",
    "connection_resets_total",
    "Cursors from which a stream could not resume.",
    (values) => values.resets,
  );
  counter("warnings_total", "Warnings.", (values) => values.warnings);
  counterBy(
    "holdfast_failure_stage",
    "failures_total",
    "Failures in the background.",
    (values) => values.failures,
  );
  return metrics;
}
