import { createReport, type FailureStage, type Observer, type Report } from "../protocol/observer.ts";
import type { CloseReason, EndStatus, ResetReason } from "../protocol/reasons.ts";

type Tally<Key extends string> = Readonly<Record<Key, number>>;

/**
 * What has happened since the counters were created. Every key exists from the start, so that rates can be computed.
 */
export interface CounterValues {
  /** Connections that were opened, and closed by reason. */
  readonly connections: { readonly opened: number; readonly closed: Tally<CloseReason> };
  /** Streams that were opened in this process, and ended by status. */
  readonly streams: { readonly opened: number; readonly ended: Tally<EndStatus> };
  /** Events that were pushed, and written to connections. */
  readonly events: {
    readonly pushed: number;
    /** Events written to connections: one event to ten clients counts ten. */
    readonly delivered: number;
    /** Those of the delivered events that existed before their connection. */
    readonly replayed: number;
  };
  /** Bytes written to connections, control events and heartbeats included. */
  readonly bytes: number;
  /** Heartbeats that were due on silent connections. */
  readonly heartbeats: number;
  /** How often clients were told that events are missing, by reason. */
  readonly resets: Tally<ResetReason>;
  /** Calls of the observer's `warned`. */
  readonly warnings: number;
  /** Calls of the observer's `failed`, by stage. */
  readonly failures: Tally<FailureStage>;
}

/** An observer that counts what it gets. */
export interface Counters extends Required<Observer> {
  /** A copy of the current values. */
  read(): CounterValues;
}

/**
 * Creates an observer that counts what happens in a registry, for its option `observer`. What the registry has at the
 * moment is in `registry.gauges()`.
 *
 * @param observer gets everything as well. Without its own `warned` or `failed`, these go to `console.warn`.
 *
 * @example
 * const counters = createCounters();
 * const jobs = createRegistry({ observer: counters });
 * app.get("/stats", (c) => c.json({ ...counters.read(), ...jobs.gauges() }));
 */
export function createCounters(observer?: Observer): Counters {
  const values = {
    connections: {
      opened: 0,
      closed: {
        ended: 0,
        disconnected: 0,
        zombie: 0,
        overflow: 0,
        closed: 0,
        failed: 0,
        reset: 0,
        shutdown: 0,
        "max-duration": 0,
        aborted: 0,
        busy: 0,
        waiting: 0,
      },
    },
    streams: { opened: 0, ended: { done: 0, failed: 0, cancelled: 0, expired: 0, lost: 0 } },
    events: { pushed: 0, delivered: 0, replayed: 0 },
    bytes: 0,
    heartbeats: 0,
    resets: { trimmed: 0, epoch: 0, ahead: 0, invalid: 0 },
    warnings: 0,
    failures: { source: 0, cleanup: 0, delivery: 0, snapshot: 0, store: 0 },
  } satisfies CounterValues;

  const counting: Required<Observer> = {
    connectionOpened: () => void values.connections.opened++,
    connectionClosed: ({ reason }) => void values.connections.closed[reason]++,
    streamOpened: () => void values.streams.opened++,
    streamEnded: ({ status }) => void values.streams.ended[status]++,
    pushed({ events }) {
      values.events.pushed += events;
    },
    delivered({ events, bytes }) {
      values.events.delivered += events;
      values.bytes += bytes;
    },
    heartbeat: () => void values.heartbeats++,
    replayed({ events }) {
      values.events.replayed += events;
    },
    reset: ({ reason }) => void values.resets[reason]++,
    warned: () => void values.warnings++,
    failed: ({ stage }) => void values.failures[stage]++,
  };
  return { read: () => structuredClone(values), ...forwarding(counting, createReport(observer)) };
}

/** Calls `counting` first, then `report`. */
function forwarding(counting: Required<Observer>, report: Report): Required<Observer> {
  const names = Object.keys(counting) as (keyof Observer)[];
  const callbacks = names.map((name) => {
    const count = counting[name] as (info: unknown) => void;
    return [
      name,
      (info: never) => {
        count(info);
        report(name, info);
      },
    ];
  });
  return Object.fromEntries(callbacks) as Required<Observer>;
}
