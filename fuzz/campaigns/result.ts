/** What one target was put through: a row of the table. */
export interface Result {
  readonly target: string;
  /** Hostile connections: to a server, or answered to a client. */
  connections: number;
  /** Events that honest readers received and checked. */
  events: number;
  /** Streams read to their end, or channels for a while. */
  reads: number;
  /** Resets that were declared to honest readers. */
  resets: number;
  /** Connections that broke or that hostile clients made, and calls of a store that failed. */
  faults: number;
  /** Answers with a status of 4xx or 5xx, and drains because a limit was reached. */
  refused: number;
  /** Bytes of the heap by which the last quarter of the rounds exceeds the first one. */
  growth: number;
  /** How often Node itself has aborted the server, as it does under a server without holdfast. */
  nodeAborts: number;
}

export function emptyResult(target: string): Result {
  return {
    target,
    connections: 0,
    events: 0,
    reads: 0,
    resets: 0,
    faults: 0,
    refused: 0,
    growth: 0,
    nodeAborts: 0,
  };
}
