import type { Usage } from "../harness/usage.ts";

/** A way to send events, set up as its own documentation does it best. */
export interface Peer {
  start(options: PeerOptions): Promise<Serving>;
}

export interface PeerOptions {
  /** Idle clients get a heartbeat once in so many ms. */
  readonly heartbeat?: number;
  /**
   * The data of events with the ids 1, 2, 3 and so on: a client gets those behind its `Last-Event-ID`, and all of
   * them when it has none.
   */
  readonly history?: readonly string[];
}

export interface Serving {
  readonly port: number;
  /** The `Last-Event-ID` of a client that has missed the whole history. */
  readonly cursor?: string;
  /** Sends an event to every client that asked for `path`. */
  publish(path: string, data: string): void;
  /** What the server has used, when it is not this process. */
  usage?(): Usage;
}
