import type { Counters, CounterValues, Gauges } from "@holdfast/hono";
import { Counter, Gauge, Registry } from "prom-client";

/** What a registry holds and what it has counted, for Prometheus: read when somebody asks, not before. */
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

  gauge("connections", "Clients connected now.", (now) => now.connections);
  gauge("connections_waiting", "Of these, clients whose stream does not exist yet.", (now) => now.waiting);
  gauge("streams", "Streams held now.", (now) => now.streams);
  gauge("streams_lingering", "Of these, streams that have ended.", (now) => now.lingering);
  gauge("log_bytes", "Bytes of the logs held now.", (now) => now.bytes);

  counter("connections_opened_total", "Connections that began.", (all) => all.connections.opened);
  counterBy(
    "reason",
    "connections_closed_total",
    "Connections that are over.",
    (all) => all.connections.closed,
  );
  counter("streams_opened_total", "Streams that were opened.", (all) => all.streams.opened);
  counterBy("status", "streams_ended_total", "Streams that have ended.", (all) => all.streams.ended);
  counter("events_pushed_total", "Events pushed to streams.", (all) => all.events.pushed);
  counter("events_delivered_total", "Events written to connections.", (all) => all.events.delivered);
  counter(
    "events_replayed_total",
    "Events written to connections that came after them.",
    (all) => all.events.replayed,
  );
  counter("sent_bytes_total", "Bytes written to connections.", (all) => all.bytes);
  counter("heartbeats_total", "Heartbeats written to connections.", (all) => all.heartbeats);
  counterBy("reason", "resets_total", "Cursors that could not be honoured.", (all) => all.resets);
  counter("warnings_total", "What need not be wrong, but should be known.", (all) => all.warnings);
  counterBy("stage", "failures_total", "Failures in the background.", (all) => all.failures);
  return metrics;
}
