import { HoldfastError } from "../base/errors.ts";
import { runInRootContext } from "../base/root-context.ts";
import { nearestName } from "../base/nearest-name.ts";
import { check } from "../base/validate.ts";
import type { CloseReason, EndStatus, ResetReason } from "./reasons.ts";

/**
 * Where a background failure happened. `source`: in a source, or in what it returned. `cleanup`: in a clean-up of a
 * connection. `delivery`: while a connection was written to. `snapshot`: in the `snapshot` option. `store`: in the
 * store.
 */
export type FailureStage = "source" | "cleanup" | "delivery" | "snapshot" | "store";

/** What names a connection. */
export interface ConnectionLabels {
  /** The id of its stream; `undefined` for a bare source. */
  readonly id: string | undefined;
  /** The `key` of the call that serves it. */
  readonly key?: string | undefined;
}

/**
 * Callbacks for what happens in the background, all of them optional. `id` is the id of the stream, `undefined` for a
 * bare source; `key` is that of the connection, if it has one. A callback that throws or rejects has no effect but a
 * `console.warn`. Without `warned` or `failed`, what they would get goes to `console.warn`. Callbacks run outside the async
 * context of any request, where the runtime has such contexts.
 *
 * @example
 * createRegistry({ observer: { failed: ({ id, stage, error }) => log.error({ id, stage, error }) } });
 */
export interface Observer {
  /** A response with status 200 began. */
  connectionOpened?(info: ConnectionLabels): void;
  /** Such a response is over, flushed or cut. */
  connectionClosed?(
    info: ConnectionLabels & {
      readonly reason: CloseReason;
      /** The reason that `registry.disconnect` was given. */
      readonly cause?: unknown;
      /** How long the connection was open, in ms. */
      readonly duration: number;
      /** User events written. */
      readonly events: number;
      /** Bytes written, heartbeats and control events included. */
      readonly bytes: number;
    },
  ): void;
  /** A stream or channel was opened in this process. */
  streamOpened?(info: { readonly id: string; readonly epoch: string }): void;
  /** A stream that was opened in this process has ended. */
  streamEnded?(info: {
    readonly id: string;
    readonly epoch: string;
    readonly status: EndStatus;
    /** How many events were pushed to it. */
    readonly events: number;
  }): void;
  /** Events were pushed to a stream; called at most once a turn of the event loop for each stream. */
  pushed?(info: { readonly id: string; readonly events: number }): void;
  /** What was written to a connection since the last call; called with its heartbeats and when it closes. */
  delivered?(info: ConnectionLabels & { readonly events: number; readonly bytes: number }): void;
  /** A heartbeat was written. */
  heartbeat?(info: ConnectionLabels): void;
  /** A connection has received every event that existed when it was opened: `events` of them. */
  replayed?(info: ConnectionLabels & { readonly events: number }): void;
  /** A client cannot continue at its cursor, and gets `stream.reset`. */
  reset?(
    info: ConnectionLabels & {
      readonly reason: ResetReason;
      readonly lost: readonly [from: number, to: number] | null;
    },
  ): void;
  /** Something that may be a mistake of the application. */
  warned?(info: { readonly id: string | undefined; readonly message: string }): void;
  /** Something failed in the background, where no caller gets the error. */
  failed?(info: ConnectionLabels & { readonly stage: FailureStage; readonly error: unknown }): void;
}

const NAMES: readonly string[] = Object.keys({
  connectionOpened: true,
  connectionClosed: true,
  streamOpened: true,
  streamEnded: true,
  pushed: true,
  delivered: true,
  heartbeat: true,
  replayed: true,
  reset: true,
  warned: true,
  failed: true,
} satisfies Record<keyof Observer, true>);

/** A function whose name is at most this many edits away from a callback's is taken for a misspelled callback. */
const TYPO = 2;

/**
 * Checks that an observer is an object without misspelled callbacks. It may have more: fields, and functions with other
 * names.
 *
 * @throws `INVALID_OPTION`
 */
export function checkObserver(observer: unknown): void {
  check(typeof observer === "object" && observer !== null, "observer", "an object", observer);
  for (
    let holder = observer as object;
    isOwnHolder(holder);
    holder = Object.getPrototypeOf(holder) as object
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
      if (typeof value !== "function" || name === "constructor" || NAMES.includes(name)) continue;
      const nearest = nearestName(name, NAMES, TYPO);
      if (nearest !== undefined) throw misspelledCallback(name, nearest);
    }
  }
}

/** Whether an object can have callbacks: it is neither `Object.prototype` nor the end of the chain. */
function isOwnHolder(holder: object | null): boolean {
  return holder !== null && !Object.hasOwn(holder, "hasOwnProperty");
}

function misspelledCallback(name: string, nearest: string): HoldfastError {
  const message = `\`observer.${name}\` is not a callback. Did you mean \`observer.${nearest}\`?`;
  return new HoldfastError("INVALID_OPTION", message, { expose: false });
}

const CONSOLE: Observer = {
  warned: (info) => console.warn("holdfast:", info.message, info),
  failed: (info) => console.warn(`holdfast: ${info.stage} failed`, info.error),
};

type Info<Name extends keyof Observer> = Parameters<NonNullable<Observer[Name]>>[0];

/** Calls one function of the observer, or logs to the console what must not get lost. Never throws. */
export type Report = <Name extends keyof Observer>(name: Name, info: Info<Name>) => void;

export function createReport(observer: Observer = {}): Report {
  return (name, info) => {
    try {
      const callback = (observer[name] ?? CONSOLE[name]) as Callback | undefined;
      // Called for each event and each heartbeat: without a callback it costs the look-up.
      if (callback !== undefined) callInRootContext(observer, name, callback, info);
    } catch (error) {
      warn(name, error);
    }
  };
}

type Callback = (info: unknown) => unknown;

function callInRootContext(observer: Observer, name: string, callback: Callback, info: unknown): void {
  const result = runInRootContext(() => callback.call(observer, info));
  // An asynchronous callback fits the type too.
  if (result !== undefined) Promise.resolve(result).catch((error: unknown) => warn(name, error));
}

function warn(name: string, error: unknown): void {
  console.warn(`holdfast: the observer's ${name} failed`, error);
}
