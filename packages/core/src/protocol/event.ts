/**
 * One event as a bare source gives it: the fields of an event stream (WHATWG HTML, 9.2.6).
 * A producer of a stream gives `event` and `data`; the stream itself gives the `id`.
 */
export interface SseEvent {
  /** Written before the other fields, one `:` line for each of its lines; clients ignore it. */
  readonly comment?: string;
  /** The event's type. Names that begin with `stream.` are reserved. @default "message" */
  readonly event?: string;
  /** What the client sends back as `Last-Event-ID`. A stream replaces it with its own. */
  readonly id?: string;
  /** The client's reconnection time in ms: a non-negative integer. */
  readonly retry?: number;
  /** A string goes out as it is, anything else as JSON, nothing as one empty line. */
  readonly data?: unknown;
}

type DataOf<T> = undefined extends T ? { readonly data?: T } : { readonly data: T };

/**
 * What may be pushed to a stream whose events are `Events`, a map from event name to data.
 * Only the name `message`, the standard's default, may be left out.
 */
export type StreamEvent<Events extends object> = string extends keyof Events
  ? { readonly event?: string; readonly data?: unknown }
  : {
      [Name in keyof Events & string]: (Name extends "message"
        ? { readonly event?: Name }
        : { readonly event: Name }) &
        DataOf<Events[Name]>;
    }[keyof Events & string];

/** The events of a registry that was given no map: any name, any data. */
export type AnyEvents = Record<string, unknown>;
