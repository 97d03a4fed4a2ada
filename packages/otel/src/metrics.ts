import type { Attributes, Meter } from "@opentelemetry/api";
import { createCounters, type Observer } from "@holdfast/core";
import { CLOSE_REASON, END_STATUS, FAILURE_STAGE, RESET_REASON } from "./attributes.ts";

/** Connections last from less than a second to hours. In seconds. */
const DURATION_BOUNDARIES = [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400];

/**
 * An observer that records metrics. No attribute has the id of a stream, since each of its values would be a time series
 * of its own.
 *
 * @param common attributes of every measurement
 */
export function recordMetrics(meter: Meter, common: Attributes): Required<Observer> {
  const counter = (
    name: string,
    unit: string,
    description: string,
  ): ((n: number, own?: Attributes) => void) => {
    const instrument = meter.createCounter(`holdfast.${name}`, { unit, description });
    return (n, own) => instrument.add(n, { ...common, ...own });
  };
  const opened = counter("connection.opened", "{connection}", "Connections that were opened.");
  const closed = counter("connection.closed", "{connection}", "Connections that were closed, by reason.");
  const active = meter.createUpDownCounter("holdfast.connection.active", {
    unit: "{connection}",
    description: "Connections that are open.",
  });
  const duration = meter.createHistogram("holdfast.connection.duration", {
    unit: "s",
    description: "How long connections were open, by the reason that closed them.",
    advice: { explicitBucketBoundaries: DURATION_BOUNDARIES },
  });
  const resets = counter("connection.resets", "{reset}", "Clients that could not continue at their cursor.");
  const heartbeats = counter("connection.heartbeats", "{heartbeat}", "Heartbeats written to connections.");
  const sent = counter("connection.io", "By", "Bytes written to connections.");
  const streamsOpened = counter("stream.opened", "{stream}", "Streams and channels opened in this process.");
  const streamsEnded = counter("stream.ended", "{stream}", "Streams of this process that ended, by status.");
  const pushed = counter("event.pushed", "{event}", "Events pushed to streams.");
  const delivered = counter("event.delivered", "{event}", "Events written to connections.");
  const replayed = counter(
    "event.replayed",
    "{event}",
    "Delivered events that are older than their connection.",
  );
  const warnings = counter("warnings", "{warning}", "Possible mistakes of the application.");
  const failures = counter("failures", "{failure}", "Failures in the background, by stage.");

  // A rate needs a value before the first event: every attribute has one from the beginning.
  const zero = createCounters().read();
  for (const add of [opened, heartbeats, sent, streamsOpened, pushed, delivered, replayed, warnings]) add(0);
  for (const reason of Object.keys(zero.connections.closed)) closed(0, { [CLOSE_REASON]: reason });
  for (const status of Object.keys(zero.streams.ended)) streamsEnded(0, { [END_STATUS]: status });
  for (const reason of Object.keys(zero.resets)) resets(0, { [RESET_REASON]: reason });
  for (const stage of Object.keys(zero.failures)) failures(0, { [FAILURE_STAGE]: stage });

  return {
    connectionOpened() {
      opened(1);
      active.add(1, common);
    },
    connectionClosed({ reason, duration: ms }) {
      const attributes = { [CLOSE_REASON]: reason };
      closed(1, attributes);
      active.add(-1, common);
      duration.record(ms / 1_000, { ...common, ...attributes });
    },
    streamOpened: () => streamsOpened(1),
    streamEnded: ({ status }) => streamsEnded(1, { [END_STATUS]: status }),
    pushed: ({ events }) => pushed(events),
    delivered({ events, bytes }) {
      delivered(events);
      sent(bytes);
    },
    heartbeat: () => heartbeats(1),
    replayed: ({ events }) => replayed(events),
    reset: ({ reason }) => resets(1, { [RESET_REASON]: reason }),
    warned: () => warnings(1),
    failed: ({ stage }) => failures(1, { [FAILURE_STAGE]: stage }),
  };
}
