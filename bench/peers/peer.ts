import type { ProcessUsage } from "../harness/process-usage.ts";

/** A way to send events, set up as its own documentation recommends for speed. */
export interface Peer {
  start(options: PeerOptions): Promise<PeerServer>;
}

export interface PeerOptions {
  /** Interval of heartbeats to idle clients, in ms. */
  readonly heartbeat?: number;
  /** Whether clients that accept it get the events compressed; only some peers can. */
  readonly compression?: boolean;
  /**
   * The data of the events with ids 1, 2, 3 and so on. A client receives those after its `Last-Event-ID`, or all of
   * them without one.
   */
  readonly history?: readonly string[];
}

export interface PeerServer {
  readonly port: number;
  /** The `Last-Event-ID` of a client that has missed the whole history. */
  readonly cursor?: string;
  /** Sends an event to every client connected to `path`. */
  publish(path: string, data: string): void;
  /** The usage of the server process, if it is not this process. */
  usage?(): ProcessUsage;
}
