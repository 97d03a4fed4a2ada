import type { Again } from "./recovery.ts";

/** What a connection is about. Each change is a new object, and what has not changed stays the same one. */
export type ConnectionState =
  /** A request is under way, the `attempt`th (from 1) since the last healthy connection. */
  | { readonly status: "connecting"; readonly attempt: number }
  /** The server has answered; it says nothing more of the stream, or has not yet. */
  | { readonly status: "open" }
  /** There is no such stream yet. */
  | { readonly status: "waiting" }
  /** What this client has missed comes first. */
  | { readonly status: "replaying" }
  /** This client has everything. */
  | { readonly status: "live" }
  /** There is no connection; another attempt is made. */
  | ({ readonly status: "retrying" } & Again)
  /** It is over: well, because it was closed, or with an error. */
  | {
      readonly status: "closed";
      readonly reason: "done" | "closed" | "failed";
      /** A `ConnectionError`, or what a function among the options threw. */
      readonly error?: unknown;
    };

export type StateListener = (state: ConnectionState) => void;
