import type { Again } from "../retry/retry-planner.ts";

/** What a connection is doing. Each change is a new object. */
export type ConnectionState =
  /** A request is under way: the `attempt`th since the last healthy connection, from 1. */
  | { readonly status: "connecting"; readonly attempt: number }
  /** The response has begun, but the server has not sent `stream.open`, or never sends it. */
  | { readonly status: "open" }
  /** The stream does not exist yet, or it was interrupted and waits for a producer. */
  | { readonly status: "waiting" }
  /** The server sends the events that this client has missed. */
  | { readonly status: "replaying" }
  /** This client has every event. */
  | { readonly status: "live" }
  /** There is no connection, and another attempt follows. */
  | ({ readonly status: "retrying" } & Again)
  /** The connection is over: the stream is complete, the application closed it, or it failed. */
  | {
      readonly status: "closed";
      readonly reason: "done" | "closed" | "failed";
      /** A `ConnectionError`, or what a function among the options threw. */
      readonly error?: unknown;
    };

/** Called with each new state of a connection. */
export type StateListener = (state: ConnectionState) => void;
