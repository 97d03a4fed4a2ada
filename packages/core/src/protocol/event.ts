/**
 * An event of a bare source: the fields of an event stream (WHATWG HTML, 9.2.6). A producer pushes only `event` and
 * `data` to a stream, which assigns the `id`.
 *
 * @example
 * const event: SseEvent = { event: "price", id: "7", data: { symbol: "ACME", price: 12.5 } };
 */
export interface SseEvent {
  /** Goes out before the other fields, as one line that begins with `:` for each of its lines; clients ignore it. */
  readonly comment?: string;
  /** The event's name. Names that begin with `stream.` are reserved. @default "message" */
  readonly event?: string;
  /** The client's cursor from this event on: it reconnects with it as `Last-Event-ID`. A stream assigns its own ids. */
  readonly id?: string;
  /** How long the client waits before it reconnects, in ms: a non-negative integer. */
  readonly retry?: number;
  /** A string goes out unchanged, any other value as JSON, `undefined` as one empty line. */
  readonly data?: unknown;
}

type DataOf<T> = undefined extends T ? { readonly data?: T } : { readonly data: T };

/**
 * An event of a stream, typed by `Events`, a map from event name to the type of its data. Only the name `message`,
 * which is the standard's default, may be left out.
 *
 * @example
 * type Events = { message: string; progress: { percent: number }; done: undefined };
 * const event: StreamEvent<Events> = { event: "progress", data: { percent: 50 } };
 */
export type StreamEvent<Events extends object> = string extends keyof Events
  ? { readonly event?: string; readonly data?: unknown }
  : {
      [Name in keyof Events & string]: (Name extends "message"
        ? { readonly event?: Name }
        : { readonly event: Name }) &
        DataOf<Events[Name]>;
    }[keyof Events & string];

/** The events of a registry without a map of events: any name, any data. */
export type AnyEvents = Record<string, unknown>;
