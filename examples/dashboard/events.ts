/** The job: each event has the number of its step. */
export interface JobEvents {
  readonly step: { readonly number: number; readonly of: number };
}

/** The feed: what has happened, numbered from 1. */
export interface FeedEvents {
  readonly entry: { readonly number: number; readonly text: string };
}

/** Current values, of which only the newest of each name counts. */
export interface ValueEvents {
  /** The load of a machine, in percent, and how often it was measured. */
  readonly load: { readonly name: string; readonly percent: number; readonly number: number };
  /** The job that runs. */
  readonly job: { readonly id: string };
}

/** The figures of the server. */
export interface Figures {
  /** Connections that are open. */
  readonly connections: number;
  /** Connections that have been opened since the start. */
  readonly opened: number;
}
