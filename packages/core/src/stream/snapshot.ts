import { hash53 } from "../base/hash.ts";
import { check, checkOneOf } from "../base/validate.ts";
import { Log } from "../log/log.ts";
import { withoutId } from "../protocol/check-event.ts";
import { encodeEvent, eventText } from "../protocol/encode.ts";
import type { AnyEvents, StreamEvent } from "../protocol/event.ts";
import { type EventId, parseId } from "../protocol/event-id.ts";
import { type ByteBudget, SharedMemory } from "./snapshot-memory.ts";
import { Stream, type StreamHooks } from "./stream.ts";

/**
 * What the service's own database knows of a stream. Leave volatile fields (a time of reading, a counter of requests) out
 * of the events of a finished one: its ids are derived from its content, and a client is sent everything again when the
 * content changes.
 */
export type Snapshot<Events extends object> =
  | PendingSnapshot
  | RunningSnapshot<Events>
  | FinishedSnapshot<Events>;

/** The stream exists and has not begun. */
export interface PendingSnapshot {
  /** Says that the stream has not begun. */
  readonly state: "pending";
}

/** The stream is running: in this process, on another machine, or nowhere any more. */
export interface RunningSnapshot<Events extends object> {
  /** Says that the stream has begun and has not ended. */
  readonly state: "running";
  /** The id of the last event that `events` covers, as `push` returned it. The live log continues behind it. */
  readonly at?: string;
  /** What a client needs to know of everything up to `at`. */
  readonly events?: readonly StreamEvent<Events>[];
}

/** The stream is over, and `events` is all of it. */
export interface FinishedSnapshot<Events extends object> {
  /** How the stream ended. */
  readonly state: "done" | "failed" | "cancelled";
  /** All its events; their ids are derived from status and events. */
  readonly events: readonly StreamEvent<Events>[];
}

export type MaybeSnapshot<Events extends object> = Snapshot<Events> | null | undefined;

/** Looks a stream up in the service's own database. Returns `undefined` or `null` if there is no such stream. */
export type AskSnapshot<Events extends object> = (
  id: string,
  context: { readonly signal: AbortSignal },
) => MaybeSnapshot<Events> | PromiseLike<MaybeSnapshot<Events>>;

/** A snapshot that is checked and encoded, for all its clients. */
export type SnapshotResult =
  | { readonly state: "gone" | "pending" }
  | { readonly state: "running"; readonly prefix: SnapshotPrefix | undefined }
  | { readonly state: "finished"; readonly stream: Stream; readonly memory: SharedMemory };

/** The events of a running snapshot: they stand for all events of a log up to `at`. */
export interface SnapshotPrefix {
  readonly at: EventId;
  /** Only the last event has an id, that of `at`: a client that is cut before it gets all of them again. */
  readonly log: Log;
  /** Held by everybody who reads the log. */
  readonly memory: SharedMemory;
}

const STATES = ["pending", "running", "done", "failed", "cancelled"];

const UNLIMITED: ByteBudget = { reserve: () => true, release: () => undefined };

/**
 * @param budget counts the memory of the result
 * @throws `INVALID_OPTION` for a snapshot of another shape, `INVALID_EVENT`
 */
export function readSnapshot(
  id: string,
  snapshot: MaybeSnapshot<AnyEvents>,
  budget: ByteBudget = UNLIMITED,
): SnapshotResult {
  if (snapshot === undefined || snapshot === null) return { state: "gone" };
  checkOneOf("snapshot.state", snapshot.state, STATES);
  if (snapshot.state === "pending") return { state: "pending" };
  if (snapshot.state === "running") return { state: "running", prefix: readPrefix(snapshot, budget) };
  return { state: "finished", ...toStream(id, snapshot, budget) };
}

function readPrefix(
  { at, events = [] }: RunningSnapshot<AnyEvents>,
  budget: ByteBudget,
): SnapshotPrefix | undefined {
  checkEvents(events);
  const id = at === undefined ? undefined : parseId(at);
  if (at === undefined || id === undefined || id.end) return undefined;
  const last = events.length - 1;
  const log = new Log(id.epoch, NO_LIMITS);
  for (const [index, event] of events.entries()) {
    log.appendFrame(encodeEvent({ ...withoutId(event), ...(index === last && { id: at }) }));
  }
  return { at: id, log, memory: new SharedMemory(log.bytes, budget) };
}

/** The service decides how large a snapshot is. */
const NO_LIMITS = { events: Infinity, bytes: Infinity, maxEventBytes: Infinity };

const NO_HOOKS: StreamHooks = {
  changed: () => undefined,
  resized: () => undefined,
  ended: () => undefined,
  interruptionChanged: () => undefined,
  readersChanged: () => undefined,
};

/**
 * A finished snapshot as an ended stream, so that resuming, resets, the final 204 and back-pressure work as for any other.
 * Its epoch is a hash of its content: every machine gives the same ids, also after a restart.
 */
function toStream(
  id: string,
  { state, events }: FinishedSnapshot<AnyEvents>,
  budget: ByteBudget,
): { stream: Stream; memory: SharedMemory } {
  checkEvents(events);
  const content = events.map((event) => eventText(withoutId(event))).join("");
  const epoch = (hash53(state + content) % 36 ** 10).toString(36).padStart(10, "0");
  let release: (() => void) | undefined;
  const readersChanged = ({ readers }: Stream): void => {
    if (readers.size > 0) release ??= memory.hold();
    else {
      release?.();
      release = undefined;
    }
  };
  const stream = new Stream(id, "stream", new Log(epoch, NO_LIMITS), { ...NO_HOOKS, readersChanged });
  for (const event of events) stream.push(event);
  stream.finish(state);
  const memory = new SharedMemory(stream.log.bytes, budget);
  return { stream, memory };
}

function checkEvents(events: unknown): void {
  check(Array.isArray(events), "snapshot.events", "an array", events);
}
