import type { CloseReason, Observer } from "@holdfast/core";

type Info<Name extends keyof Observer> = Parameters<NonNullable<Observer[Name]>>[0];

/** What an observer was told. */
export interface Watch {
  readonly observer: Observer;
  opened: number;
  readonly closed: Info<"connectionClosed">[];
  readonly failed: Info<"failed">[];
  readonly resets: Info<"reset">[];
}

/** An observer that remembers. */
export function createWatch(): Watch {
  const watch: Watch = {
    observer: {
      connectionOpened: () => void watch.opened++,
      connectionClosed: (info) => void watch.closed.push(info),
      failed: (info) => void watch.failed.push(info),
      reset: (info) => void watch.resets.push(info),
    },
    opened: 0,
    closed: [],
    failed: [],
    resets: [],
  };
  return watch;
}

/** Why the connections closed, in the order in which they did. */
export function reasonsOf(watch: Watch): CloseReason[] {
  return watch.closed.map(({ reason }) => reason);
}
