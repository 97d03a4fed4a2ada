import type { CloseReason, Observer } from "@holdfast/core";

type Info<Name extends keyof Observer> = Parameters<NonNullable<Observer[Name]>>[0];

/** What an observer was called with. */
export interface Recorded {
  readonly observer: Observer;
  opened: number;
  readonly closed: Info<"connectionClosed">[];
  readonly failed: Info<"failed">[];
  readonly resets: Info<"reset">[];
}

/** An observer that records its calls. */
export function recordingObserver(): Recorded {
  const recorded: Recorded = {
    observer: {
      connectionOpened: () => void recorded.opened++,
      connectionClosed: (info) => void recorded.closed.push(info),
      failed: (info) => void recorded.failed.push(info),
      reset: (info) => void recorded.resets.push(info),
    },
    opened: 0,
    closed: [],
    failed: [],
    resets: [],
  };
  return recorded;
}

/** Why the connections closed, in that order. */
export function closeReasons(recorded: Recorded): CloseReason[] {
  return recorded.closed.map(({ reason }) => reason);
}
