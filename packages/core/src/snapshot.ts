import { check, checkOneOf } from "./check.ts";
import { eventText } from "./encode.ts";
import type { AnyEvents, StreamEvent } from "./event.ts";
import { hash53 } from "./hash.ts";
import { Stream, type StreamKeeper } from "./stream.ts";

/**
 * What the service's own database knows of a stream. Keep volatile fields out of the events of a finished one: their
 * content is their identity, and what changes is sent anew.
 */
export type Snapshot<Events extends object> =
  | PendingSnapshot
  | RunningSnapshot<Events>
  | FinishedSnapshot<Events>;

/** It exists and has not begun. */
export interface PendingSnapshot {
  readonly state: "pending";
}

/** It is under way: here, on another machine, or nowhere any more. */
export interface RunningSnapshot<Events extends object> {
  readonly state: "running";
  /** The id of the last event that `events` covers, as `push` returned it: the live log goes on behind it. */
  readonly at?: string;
  /** What a client needs to know of everything up to `at`. */
  readonly events?: readonly StreamEvent<Events>[];
}

/** It is over, and this is all of it. */
export interface FinishedSnapshot<Events extends object> {
  readonly state: "done" | "failed" | "cancelled";
  readonly events: readonly StreamEvent<Events>[];
}

/** Looks a stream up in the service's own database; `undefined` for one that does not exist. */
export type AskSnapshot<Events extends object> = (
  id: string,
  context: { readonly signal: AbortSignal },
) => Snapshot<Events> | undefined | PromiseLike<Snapshot<Events> | undefined>;

const STATES = ["pending", "running", "done", "failed", "cancelled"];

/** @throws `INVALID_OPTION` for an answer of another shape */
export function checkSnapshot(snapshot: Snapshot<AnyEvents> | undefined): void {
  if (snapshot === undefined) return;
  checkOneOf("snapshot.state", snapshot.state, STATES);
  if (snapshot.state === "pending") return;
  const needed = snapshot.state !== "running" || snapshot.events !== undefined;
  check(!needed || Array.isArray(snapshot.events), "snapshot.events", "an array", snapshot.events);
}

const UNKEPT: StreamKeeper = {
  changed: () => undefined,
  resized: () => undefined,
  ended: () => undefined,
  attended: () => undefined,
};

/**
 * A finished snapshot as an ended stream, which gives resume, reset, 204 and backpressure for nothing. Its epoch is a
 * hash of its content: every machine and every restart gives the same ids.
 */
export function toStream(id: string, { state, events }: FinishedSnapshot<AnyEvents>): Stream {
  const content = events.map((event) => eventText(event, undefined)).join("");
  const epoch = (hash53(state + content) % 36 ** 10).toString(36).padStart(10, "0");
  const limits = { events: Infinity, bytes: Infinity, maxEventBytes: Infinity };
  const stream = new Stream(id, "stream", epoch, limits, UNKEPT);
  for (const event of events) stream.push(event);
  stream.finish(state);
  return stream;
}
